#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lsend/model/messages.hpp"
#include "lsend/model/result.hpp"
#include "lsend/model/time.hpp"

namespace lsend::transfer {

/// The one text for every upload that is not let in: it must not tell which part was wrong.
inline constexpr std::string_view kUploadForbidden =
    "the upload fits no running session: session, token, file or address is not the right one";

/// Gives a fresh unguessable URL-safe text, at least 128 bits, [A-Za-z0-9_-] only.
using RandomText = std::function<std::string()>;

struct SessionLimits {
  Duration idle = std::chrono::seconds(30);      ///< without a byte or an upload running
  Duration decision = std::chrono::seconds(60);  ///< while a person decides
  /// Without anybody of it connected, for who opens a connection for each request; and for another
  /// try at files of which something else came than was announced.
  Duration deserted = std::chrono::seconds(4);
  unsigned attempts = 3;                         ///< per file
  unsigned parallel_uploads = 16;
};

enum class FileState : std::uint8_t {
  offered,
  declined,
  pending,
  receiving,
  published,  ///< it has its name, and its sender does not know it yet
  done,
  failed,
};

/// An upload that was let in. `file` indexes ReceiveSession::files().
struct UploadTicket {
  std::size_t file = 0;
};

/// Why an attempt failed, as far as it matters to what may follow.
enum class Failure : std::uint8_t {
  passing,  ///< it broke off or came damaged: the same may work
  misfit,   ///< something else came than was announced: the right bytes may come, though few send them
  stalled,  ///< nothing came for the idle limit
  lasting,  ///< it would be the same again
};

/// Whether a session's sender is there, as its connections tell.
struct Attendance {
  std::optional<TimePoint> left;  ///< nobody of it is connected, since then
  bool silent = false;            ///< who is connected does not answer: the host has gone, or its address
};

/// What follows a failed attempt.
enum class AfterFailure : std::uint8_t { may_retry, given_up };

/// One sender's transfer as a state machine (protocol.md 1.4): events in, decisions out. No socket,
/// no file, no clock of its own.
class ReceiveSession {
 public:
  enum class State : std::uint8_t { waiting, active, finished, declined, cancelled, expired };

  struct File {
    FileInfo info;
    Token token;
    FileState state = FileState::offered;
    std::uint8_t attempts = 0;
    bool misfit = false;  ///< pending after Failure::misfit
  };

  ReceiveSession(SessionId id, PeerAddress sender, Version version, PrepareUpload request,
                 SessionLimits limits, TimePoint now);

  const SessionId& id() const { return id_; }
  const PeerAddress& sender() const { return sender_; }
  const Version& version() const { return version_; }
  const DeviceInfo& device() const { return device_; }
  State state() const { return state_; }
  /// waiting or active: the slot is taken.
  bool running() const { return state_ == State::waiting || state_ == State::active; }
  /// It was ACTIVE once: what ended before that was a request, no transfer.
  bool was_active() const { return was_active_; }
  std::span<const File> files() const { return files_; }
  /// What its sender's certificate is, as TLS proved it. Who shows it again is the same sender.
  void prove(Fingerprint sender) { proven_ = std::move(sender); }
  const std::optional<Fingerprint>& proven() const { return proven_; }
  /// Accepted files that are neither acknowledged nor failed.
  std::size_t open_files() const { return open_; }
  /// An upload is running.
  bool receiving() const { return receiving_ > 0; }

  /// WAITING -> ACTIVE for the files at `accepted` (indices into files()); the others are declined.
  /// Nothing accepted ends the session (the caller answers 204). Errc::cancelled when the session
  /// is no longer waiting.
  Result<PrepareUploadReply> accept(std::span<const std::size_t> accepted, const RandomText& random,
                                    TimePoint now);
  void decline();

  /// ACTIVE, right address, known file, right token, file pending. Errc::forbidden otherwise, with
  /// one and the same text; Errc::too_many_requests over the parallel limit.
  Result<UploadTicket> begin_upload(const UploadParams& params, const PeerAddress& address,
                                    TimePoint now);
  /// Bytes came: the idle limit starts anew.
  void touch(TimePoint now);
  /// Asked again right before a file is published: false after a cancel or an expiry.
  bool may_publish(UploadTicket ticket) const;
  /// It has appeared: whatever ends the session from now on, this file counts as done.
  void published(UploadTicket ticket);
  /// `sha256`: of what is stored, lower-case hex; nothing when it was not computed.
  void complete_upload(UploadTicket ticket, TimePoint now,
                       std::optional<std::string> sha256 = std::nullopt);
  /// What is stored of a file whose upload is refused because it is done; asked with everything
  /// that begin_upload() asks for.
  std::optional<std::string> stored_digest(const UploadParams& params,
                                           const PeerAddress& address) const;
  /// The attempt failed: `pending` again while attempts are left, the cause may pass and nothing has
  /// appeared, else `failed`. One that has brought the file on (`got_on`) does not count, nor do
  /// those before it. The session ends with the last of its uploads that stalls: its sender was
  /// silent for as long as it may be.
  AfterFailure fail_upload(UploadTicket ticket, Failure why, TimePoint now, bool got_on = false);

  /// The reply to a sender that asks where to go on: as accept() gave it, for the files of its
  /// request. Nothing unless all of them are pending here, with the same descriptions.
  std::optional<PrepareUploadReply> continued(const PrepareUpload& request) const;
  /// The indices of the request's files.
  std::vector<std::size_t> indices_of(const PrepareUpload& request) const;
  /// The sender reads its own files before it goes on: it may be silent for so much longer.
  void allow_silence(Duration more) { silence_ = more; }
  /// The sender does not come back for what has broken off.
  void forget_parts() { forgets_parts_ = true; }
  bool forgets_parts() const { return forgets_parts_; }

  /// A file that nobody announced, as forms bring them: received from now on, `size` unknown. The
  /// session is ACTIVE and stays it until end_form(). Errc::cancelled when it has ended.
  Result<UploadTicket> add_file(FileInfo info, TimePoint now);
  /// How large an added file has turned out to be.
  void set_size(UploadTicket ticket, std::uint64_t size);
  /// No more files come; `whole` when the form came to its end, else the session is cancelled, or
  /// declined when no file had begun.
  void end_form(bool whole);

  /// The sender's cancel. `id` may be missing only while waiting (v2) and always is in v1. True
  /// when it took effect.
  bool cancel(const SessionId* id, const PeerAddress& address);
  /// Our own side calls it off; `why` is what its sender hears.
  void abort(Errc why = Errc::cancelled);
  /// It was called off because its sender began anew (Errc::busy).
  bool gave_way() const { return state_ == State::cancelled && ending_ == Errc::busy; }
  /// Ended: why uploads that still ran have failed.
  Error ending() const;

  /// Looked at again and again while it runs.
  void attend(const Attendance& attendance) { attendance_ = attendance; }
  /// A request of `proven` for which there is no other place: may it have the one of this session?
  /// Only the same certificate's, and only while the session is of no use to anybody: nobody of it
  /// is connected any more (another lsend, or who offers one of its files again, is its sender come
  /// back; anybody else is after a moment), or who is does not answer.
  bool gives_way_to(const Fingerprint& proven, const PrepareUpload& request, TimePoint now) const;
  /// Its sender, which has proved that it is the same, has another address now.
  void move_to(PeerAddress address) { sender_ = std::move(address); }
  /// Ends the session when its limit has passed; true when it did.
  bool expire(TimePoint now);
  /// When expire() would act, if nothing happens before; TimePoint::max() while an upload runs or
  /// after the end. Nobody is waited for who has left, nor for what is not likely to come.
  TimePoint deadline() const;

  struct Totals {
    std::size_t done = 0, failed = 0, declined = 0, open = 0;
    std::uint64_t bytes_done = 0, bytes_accepted = 0;
    std::uint64_t bytes_open = 0;  ///< room_of() accepted files that are neither done nor failed
  };
  Totals totals() const;

 private:
  /// Null when no upload of it runs.
  File* running_upload(UploadTicket ticket);
  void settle();
  const File* find(const UploadParams& params, const PeerAddress& address) const;
  bool offers_again(const PrepareUpload& request) const;

  SessionId id_;
  PeerAddress sender_;
  Version version_;
  DeviceInfo device_;
  std::vector<File> files_;
  std::unordered_map<FileId, std::size_t> by_id_;
  SessionLimits limits_;
  State state_ = State::waiting;
  bool was_active_ = false;
  TimePoint last_event_;
  std::size_t open_ = 0;    ///< as open_files()
  unsigned receiving_ = 0;  ///< uploads running
  std::size_t misfits_ = 0;  ///< files that are File::misfit
  bool form_ = false;       ///< more files may be added
  Duration silence_{0};     ///< beyond the idle limit
  bool stalled_ = false;  ///< the last of its uploads did, and none has begun since
  bool forgets_parts_ = false;
  std::optional<Fingerprint> proven_;
  Attendance attendance_;
  Errc ending_ = Errc::cancelled;
};

}  // namespace lsend::transfer
