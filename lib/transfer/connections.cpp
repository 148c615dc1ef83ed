#include "lsend/transfer/connections.hpp"

#include <algorithm>

namespace lsend::transfer {
namespace {

/// Within one host and between neighbours answers come sooner than another handshake would.
constexpr std::chrono::microseconds kShort{500};
/// From here on one connection's window fills the link slowly, whatever it carries.
constexpr std::chrono::microseconds kLong{10'000};
constexpr std::uint64_t kSmall = 256 * 1024;

}  // namespace

std::size_t first_connections(std::size_t files) { return std::min(files, kFirstConnections); }

std::size_t worthwhile_connections(std::size_t files, std::uint64_t mean_size,
                                   std::chrono::microseconds round_trip) {
  const bool waits = round_trip >= kLong || (round_trip >= kShort && mean_size <= kSmall);
  return std::min(files, waits ? kMostConnections : kFirstConnections);
}

}  // namespace lsend::transfer
