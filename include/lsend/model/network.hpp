#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "lsend/model/ids.hpp"
#include "lsend/model/result.hpp"

namespace lsend {

/// The addresses that start with the same bits: "192.168.1.0/24", "fd00::/8", or one address.
class IpNetwork {
 public:
  /// Errc::usage, whose sentence names the text. An address without a length is a network of one.
  static Result<IpNetwork> parse(std::string_view text);
  /// An IPv6 zone does not count.
  bool contains(const PeerAddress& address) const;

 private:
  std::array<std::uint8_t, 16> bits_{};
  unsigned length_ = 0;  ///< of the prefix
  bool v6_ = false;
};

/// The name under which limits count an address: one household or host owns a whole IPv6 /64, so
/// that counting its addresses would count nothing. IPv4 addresses stand for themselves.
std::string counted_network(const PeerAddress& address);

}  // namespace lsend
