#pragma once

#include "cmd/console.hpp"
#include "lsend/model/log.hpp"

namespace lsend::cmd {

enum class LogForm : std::uint8_t {
  dated,    ///< "2026-01-02T03:04:05.678Z info  text"
  journal,  ///< "<6>text": systemd knows the time and shows the priority
};

/// JOURNAL_STREAM names the device and inode that standard error is connected to, if systemd's
/// journal reads it.
LogForm log_form(int descriptor, const Environment& environment);

/// The process's log goes to the console from now on, which must outlive it.
void start_log(Console& console, LogLevel most, LogForm form);
void stop_log();

}  // namespace lsend::cmd
