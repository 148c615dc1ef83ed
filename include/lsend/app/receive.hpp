#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "lsend/app/events.hpp"
#include "lsend/app/settings.hpp"
#include "lsend/model/result.hpp"
#include "lsend/transfer/accept_policy.hpp"

namespace lsend::app {

struct ReceiveOptions {
  std::filesystem::path folder;
  bool auto_accept = false;
  std::optional<std::string> pin;
  std::size_t count = 0;  ///< stop after so many transfers; 0 = endless
  bool announce = true;
  bool checksum = true;  ///< hash also what came without a sha256
  transfer::AcceptLimits limits;
  std::filesystem::path ready_file;  ///< written when listening; empty = none
};

struct ReceiveReport {
  std::size_t sessions = 0, messages = 0;
  std::size_t files_done = 0, files_failed = 0;
  std::uint64_t bytes = 0;
};

/// Serves until a signal or until `count` transfers have ended. Errc::port, Errc::io, Errc::usage
/// before it listens; Errc::partial when a counted transfer lost files; Errc::interrupted or
/// Errc::terminated when a signal ended a running transfer, success when it was idle.
Result<ReceiveReport> receive(const Settings& settings, const ReceiveOptions& options,
                              ProgressSink& sink);

}  // namespace lsend::app
