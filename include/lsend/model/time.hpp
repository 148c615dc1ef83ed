#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace lsend {

/// Deadlines and limits: monotonic, so that a clock that jumps changes nothing (reliability.md
/// R88).
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = std::chrono::milliseconds;

/// A file's time: UTC, in the range of 64-bit nanoseconds (1677 to 2262).
using FileTime = std::chrono::sys_time<std::chrono::nanoseconds>;

/// RFC 3339 with an offset or 'Z', at most nine fractional digits. Nothing for any other text and
/// for times outside the range of FileTime (protocol.md 2.5: a bad time is ignored, never refused).
std::optional<FileTime> parse_rfc3339(std::string_view text);

/// UTC with 'Z'; fractional digits only where they are not zero ("2026-01-02T03:04:05.5Z").
std::string format_rfc3339(FileTime time);

}  // namespace lsend
