#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lsend/app/events.hpp"
#include "lsend/app/prompt.hpp"
#include "lsend/app/settings.hpp"
#include "lsend/identity/trust.hpp"
#include "lsend/model/result.hpp"
#include "lsend/storage/name_filter.hpp"

namespace lsend::app {

enum class ChecksumMode : std::uint8_t { automatic, always, never };

struct SendOptions {
  std::vector<std::string> targets;  ///< @group stands for those of the configuration
  std::vector<std::filesystem::path> paths;
  std::string files_from;        ///< more paths: a file with a list of them, "-" = standard input
  bool files_from_null = false;  ///< each ended by NUL
  std::vector<storage::NameFilter::Rule> rules;  ///< what is left out, the first that fits
  bool standard_input = false;                   ///< send what comes on it
  /// At the receiver: of standard input ("stdin" without it), or of the only path, a file.
  std::optional<std::string> name;
  std::optional<std::uint64_t> stdin_size;  ///< bytes, if known: then nothing is spooled
  std::optional<std::string> message;
  std::string prefix;  ///< in front of every remote name
  bool follow_links = false;
  std::optional<std::string> pin;
  identity::TrustMode trust = identity::TrustMode::tofu;
  std::vector<Fingerprint> fingerprints;  ///< the device must prove one of these; empty = any
  Prompt* prompt = nullptr;               ///< whom to ask; null: nobody is there
  ChecksumMode checksum = ChecksumMode::automatic;
  unsigned jobs = 0;  ///< connections; 0 = as many as pay (transfer/connections.hpp)
  Duration find_timeout = std::chrono::seconds(5);  ///< looking for an alias or fingerprint
  Duration wait{0};  ///< keep looking for the target, and keep trying while it is busy
  Duration accept_timeout = std::chrono::minutes(5);
  unsigned retry = 0;        ///< again after temporary failures, so many times
  bool resume = true;        ///< go on where an upload broke off, with peers that can
  bool require_all = false;  ///< a peer that takes only some files gets none
  bool dry_run = false;      ///< find the targets and tell the plan; nobody is asked
};

/// How it went with one target.
struct TargetReport {
  std::string target;  ///< as the user named it
  bool found = false;  ///< then `device` and `endpoint` are known
  DeviceInfo device;
  Endpoint endpoint;
  std::size_t done = 0, skipped = 0, failed = 0;
  std::size_t present = 0;  ///< of skipped: the receiver has them already, and says so
  std::uint64_t bytes_done = 0, bytes_total = 0;
  std::uint64_t bytes_resumed = 0;  ///< of bytes_done: what earlier uploads had brought
  Duration elapsed{0};
  Error failure;         ///< why the whole did not succeed
  bool success = false;  ///< every byte of every file was acknowledged, or is there already
};

struct SendReport {
  std::vector<TargetReport> targets;  ///< in the order given; never empty
  bool message = false;
};

/// Sends files or a message to devices, to all at once. An Error means that nobody was looked for
/// (usage, a file that cannot be read, ...); else the report tells how each target fared.
Result<SendReport> send(const Settings& settings, const SendOptions& options, ProgressSink& sink);

}  // namespace lsend::app
