#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lsend/app/events.hpp"
#include "lsend/app/settings.hpp"
#include "lsend/identity/trust.hpp"
#include "lsend/model/result.hpp"

namespace lsend::app {

enum class ChecksumMode : std::uint8_t { automatic, always, never };

struct SendOptions {
  std::string target;
  std::vector<std::filesystem::path> paths;
  bool standard_input = false;  ///< send what comes on it under stdin_name
  std::string stdin_name = "stdin";
  std::optional<std::uint64_t> stdin_size;  ///< bytes, if known: then nothing is spooled
  std::optional<std::string> message;
  std::string prefix;  ///< in front of every remote name
  bool follow_links = false;
  std::optional<std::string> pin;
  identity::TrustMode trust = identity::TrustMode::tofu;
  std::vector<Fingerprint> fingerprints;  ///< the device must prove one of these; empty = any
  ChecksumMode checksum = ChecksumMode::automatic;
  unsigned jobs = 4;
  Duration find_timeout = std::chrono::seconds(5);  ///< looking for an alias or fingerprint
  Duration wait{0};  ///< keep looking for the target, and keep trying while it is busy
  Duration accept_timeout = std::chrono::minutes(5);
};

struct SendReport {
  DeviceInfo device;
  Endpoint endpoint;
  std::size_t done = 0, skipped = 0, failed = 0;
  std::uint64_t bytes_done = 0, bytes_total = 0;
  bool message = false;
  Duration elapsed{0};
  Error failure;         ///< why the whole did not succeed
  bool success = false;  ///< every byte of every file was acknowledged
};

/// Sends files or a message to one device. An Error means that nothing was transferred (usage, not
/// found, unreachable, declined, busy, PIN ...); once files moved, the report tells how each ended.
Result<SendReport> send(const Settings& settings, const SendOptions& options, ProgressSink& sink);

}  // namespace lsend::app
