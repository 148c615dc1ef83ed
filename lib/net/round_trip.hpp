#pragma once

#include <chrono>
#include <optional>

namespace lsend::net {

/// The shortest time that the kernel has seen between a segment and its acknowledgement on a TCP
/// socket, which is the network's part of every wait. Nothing where the kernel does not tell.
std::optional<std::chrono::microseconds> least_round_trip(int socket);

}  // namespace lsend::net
