// The kernel's own header: the C library's tcp_info ends before the member that is needed here, and
// the two do not go together.
#include "round_trip.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace lsend::net {

std::optional<std::chrono::microseconds> least_round_trip(int socket) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  constexpr std::size_t kNeeded = offsetof(tcp_info, tcpi_min_rtt) + sizeof(info.tcpi_min_rtt);
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || size < kNeeded)
    return std::nullopt;
  return std::chrono::microseconds(info.tcpi_min_rtt);
}

}  // namespace lsend::net
