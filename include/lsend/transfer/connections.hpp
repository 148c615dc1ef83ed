#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace lsend::transfer {

/// How many connections carry a delivery when the user names no number (performance.md 3.6). Each
/// costs both ends a handshake, and more than a few pay only where time is spent waiting for
/// answers.
inline constexpr std::size_t kFirstConnections = 4;
inline constexpr std::size_t kMostConnections = 16;

/// To begin with: one for one file.
std::size_t first_connections(std::size_t files);

/// What the link turned out to be worth: `round_trip` without the peer's own time, `mean_size` of
/// the files in bytes.
std::size_t worthwhile_connections(std::size_t files, std::uint64_t mean_size,
                                   std::chrono::microseconds round_trip);

}  // namespace lsend::transfer
