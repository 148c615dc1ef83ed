#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lsend/app/events.hpp"
#include "lsend/app/prompt.hpp"
#include "lsend/app/settings.hpp"
#include "lsend/model/result.hpp"
#include "lsend/storage/inbox.hpp"
#include "lsend/transfer/accept_policy.hpp"
#include "lsend/transfer/file_filter.hpp"

namespace lsend::app {

/// When what came is on the disk for good (reliability.md 7.4).
enum class Durability : std::uint8_t {
  none,     ///< when the kernel sees fit
  session,  ///< before the last file of a transfer is acknowledged
  file,     ///< before each file is acknowledged
};

struct ReceiveOptions {
  std::filesystem::path folder;
  bool auto_accept = false;
  std::vector<transfer::AcceptSelector> accept_from;
  std::string accept_exec;  ///< a command for the shell; empty = none
  std::optional<std::string> pin;
  bool random_pin = false;  ///< six digits are made up; the banner and the ready file tell them
  transfer::FileFilter filter;
  std::size_t max_sessions = 1;
  std::optional<Duration> idle_timeout;  ///< stop after so long without a transfer
  std::size_t count = 0;                 ///< stop after so many transfers; 0 = endless
  bool announce = true;
  bool checksum = true;  ///< hash also what came without a sha256
  transfer::AcceptLimits limits;
  std::size_t max_connections = 512;  ///< open at a time (reliability.md 4.1)
  storage::Conflict conflict = storage::Conflict::rename;
  Durability durability = Durability::none;
  /// One file alone is taken, and goes here: "-" is standard output; empty = into the folder.
  std::filesystem::path output;
  bool shared_folder = false;         ///< others may be able to write it
  std::optional<unsigned> file_mode;  ///< of what arrives, and folders have x where it has r
  std::string group;                  ///< of what arrives, by name or number; empty = the folder's
  bool executable = true;             ///< what another lsend says is executable stays it
  std::string hook;  ///< for the shell, after each file; empty = none
  bool to_standard_output() const { return output == "-"; }
  std::filesystem::path ready_file;  ///< written when listening; empty = none
  /// SIGHUP: the options as they are configured now. Who is accepted, the PIN, the limits and the
  /// checksum follow; all else stays as it began. Errc::terminated: it is time to end. Without it
  /// SIGHUP ends the process.
  std::function<Result<ReceiveOptions>()> reload;
  std::vector<std::filesystem::path> reload_reads;  ///< the files that `reload` may read
};

/// Who can be asked about a sender besides the rules of the options.
struct Deciders {
  Prompt* prompt = nullptr;  ///< nobody is there
  /// What `accept_exec` reads: the request as one document.
  std::function<std::string(const AcceptQuestion& question)> document;
};

struct ReceiveReport {
  std::size_t sessions = 0, messages = 0;
  std::size_t files_done = 0, files_failed = 0;
  std::size_t counted_failed = 0;  ///< of files_failed, in the transfers that `count` counts
  std::uint64_t bytes = 0;
};

/// Could a sender be accepted at all?
bool can_accept(const ReceiveOptions& options, const Deciders& deciders);

/// Serves until a signal or until `count` transfers have ended; others that run then end as well,
/// and do not count. Errc::port, Errc::io, Errc::usage before it listens (the last also when there
/// are fewer descriptors than connections); Errc::partial when a counted transfer lost files;
/// Errc::interrupted or Errc::terminated when a signal ended a running transfer, success when it
/// was idle.
Result<ReceiveReport> receive(const Settings& settings, const ReceiveOptions& options,
                              const Deciders& deciders, ProgressSink& sink);

}  // namespace lsend::app
