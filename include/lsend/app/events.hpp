#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lsend/discovery/device_table.hpp"
#include "lsend/identity/known_devices.hpp"
#include "lsend/model/device.hpp"
#include "lsend/model/messages.hpp"
#include "lsend/model/result.hpp"
#include "lsend/transfer/active_files.hpp"

namespace lsend::app {

/// Peer text in events is as the peer sent it: whoever shows it escapes it.

/// `receive` listens.
struct ReadyEvent {
  DeviceInfo self;
  std::vector<std::string> addresses;
  std::string folder;
  bool auto_accept = false;
  bool pin = false;
  std::string made_pin;  ///< a random one, which somebody has to read
  std::string policy;    ///< who is accepted, as half a sentence
};

/// A device answered or changed.
struct DeviceEvent {
  enum class Kind : std::uint8_t { found, updated, lost } kind = Kind::found;
  discovery::Device device;
  identity::Standing standing = identity::Standing::fresh;
};

/// `send` knows whom it talks to.
struct TargetEvent {
  std::string target;  ///< as the user named it
  DeviceInfo device;
  Endpoint endpoint;
  bool verified = false;  ///< TLS proved the fingerprint
  identity::Standing standing = identity::Standing::fresh;
  bool remembered = false;  ///< this was the first contact, and the next one is known
};

/// What `send` is about to send.
struct PlanEvent {
  struct File {
    std::string name;  ///< at the receiver
    std::uint64_t size = 0;
  };
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::size_t left_out = 0;  ///< by rules, as links, or because they cannot be sent
  bool dry_run = false;
  std::vector<File> list;  ///< of a dry run
};

/// The peer has been asked and a person may be deciding.
struct WaitingEvent {
  std::string reason;
  std::string target;  ///< send: as the user named it
};

/// A sender asks.
struct RequestEvent {
  std::string session;  ///< empty: refused before it could have one
  DeviceInfo device;
  std::string address;
  bool verified = false;  ///< TLS proved the fingerprint
  identity::Standing standing = identity::Standing::fresh;
  bool message = false;  ///< a text, not files
  std::size_t files = 0;
  std::uint64_t bytes = 0;
};

/// What the sender was told.
struct DecisionEvent {
  RequestEvent request;
  bool accepted = false;
  std::string_view by;         ///< "rule", "program", "person", "sender"; whoever decided
  std::size_t files = 0;       ///< how many were accepted
  std::optional<Error> error;  ///< why, when it was not accepted
};

enum class FileStatus : std::uint8_t { done, declined, skipped, failed };

/// A file has ended, on either side.
struct FileEvent {
  FileStatus status = FileStatus::done;
  std::string name;        ///< as announced
  std::string name_bytes;  ///< send: the name on this disk, where that is no UTF-8
  std::string path;        ///< receive: where it is, below the folder
  std::string target;      ///< send: as the user named it
  std::uint64_t size = 0;
  std::optional<std::string> sha256;  ///< verified: by us, or stated by the receiver of ours
  std::optional<std::uint64_t> resumed_from;  ///< bytes that an earlier upload had brought
  Error error;                                ///< declined, skipped, failed
};

/// At most ten a second, and two while nothing moves.
struct ProgressEvent {
  std::string peer;    ///< alias
  std::string target;  ///< send: as the user named it
  std::uint64_t bytes = 0, total_bytes = 0;
  std::size_t files = 0, total_files = 0;
  double bytes_per_second = 0;
  std::optional<Duration> remaining;
  std::optional<Duration> stalled;  ///< no byte has moved for so long; from three seconds on
  std::vector<transfer::ActiveFile> active;  ///< four at most; empty for a single file
};

struct MessageEvent {
  DeviceInfo device;
  std::string address;
  std::string text;
};

/// A session of `receive` has ended.
struct SessionEvent {
  std::string session;
  DeviceInfo device;
  std::string end;  ///< "finished", "cancelled", "expired"
  std::size_t done = 0, failed = 0;
  std::uint64_t bytes = 0;
};

/// What the user's command for a file came to.
struct HookEvent {
  std::string path;  ///< of the file, absolute
  bool ok = false;
  std::string end;     ///< in words: "ended with status 3"
  std::string output;  ///< the beginning of what it printed
  Duration elapsed{0};
};

struct WarningEvent {
  std::string message;
};

/// What came by multicast and was dropped (reliability.md 4.1).
struct DroppedDatagrams {
  std::uint64_t malformed = 0;  ///< no announcement
  std::uint64_t too_many = 0;   ///< over 50 a second
};

/// SIGUSR1: somebody wants to know how things are. Who counts the events answers.
struct StatusEvent {
  DroppedDatagrams dropped;
};

using Event = std::variant<ReadyEvent, DeviceEvent, TargetEvent, PlanEvent, WaitingEvent,
                           RequestEvent, DecisionEvent, FileEvent, ProgressEvent, MessageEvent,
                           SessionEvent, HookEvent, WarningEvent, StatusEvent>;

/// Who looks on: a terminal, JSON lines, nobody.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void on(const Event& event) = 0;
  /// So much waits for a reader that a transfer should wait before it adds to it.
  virtual bool full() const { return false; }
  /// `told` is called, on any thread, when it is full no more; meanwhile on() waits for nobody. An
  /// empty one ends that.
  virtual void on_room(std::function<void()> told) { (void)told; }
};

/// Looks at events on their way to somebody else.
class PassingSink : public ProgressSink {
 public:
  explicit PassingSink(ProgressSink& next) : next_(next) {}
  void on(const Event& event) override { next_.on(event); }
  bool full() const override { return next_.full(); }
  void on_room(std::function<void()> told) override { next_.on_room(std::move(told)); }

 protected:
  ProgressSink& next_;
};

}  // namespace lsend::app
