#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lsend/model/time.hpp"

namespace lsend {

/// What an operator wants to know and no result says. Off until set_log() is called; one log a
/// process, used by its main thread only.
enum class LogLevel : std::uint8_t { error, warn, info, debug, trace };

/// Lines are whole and safe to show: secrets masked, peer text escaped.
using LogSink = std::function<void(LogLevel level, const std::string& line)>;

/// An empty sink switches it off again.
void set_log(LogLevel most, LogSink sink);
bool log_enabled(LogLevel level);
void log(LogLevel level, std::string_view text);

/// Something that a peer can repeat as often as it likes: of the same kind from the same address
/// the first is logged at once, and every ten seconds how many more there were.
void log_refusal(std::string_view address, std::string_view what, TimePoint now);
/// The same of what went wrong at this end, as an error. Never throws: whoever reports a failure
/// for want of memory has none for that either.
void log_failure(std::string_view address, std::string_view what, TimePoint now) noexcept;
/// Logs the counts that are due; called each second by who serves.
void log_repeated(TimePoint now);

/// The values of sessionId, token, pin and fileId in a request target or a message become "***".
std::string mask_secrets(std::string_view text);

}  // namespace lsend
