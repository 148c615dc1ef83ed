#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lsend/model/result.hpp"

namespace lsend::net {

struct InterfaceAddress {
  std::string address;  ///< text, IPv6 with its zone
  bool v6 = false;
  bool link_local = false;
  int prefix = 0;
  std::uint32_t v4 = 0;  ///< host byte order; 0 for IPv6
};

/// A network interface that is up.
struct Interface {
  std::string name;
  unsigned index = 0;
  bool loopback = false;
  bool multicast = false;
  bool point_to_point = false;
  std::vector<InterfaceAddress> addresses;

  bool has_v4() const;
  bool has_v6() const;
};

/// All interfaces that are up. Errc::failed when the kernel does not tell.
Result<std::vector<Interface>> list_interfaces();

/// Those that discovery uses: named by NAME or CIDR in `wanted` (loopback only when it is named),
/// else every one that can multicast and is no loopback. Errc::usage names an entry of `wanted`
/// that fits nothing and lists what there is.
Result<std::vector<Interface>> select_interfaces(const std::vector<Interface>& all,
                                                 const std::vector<std::string>& wanted);

/// Is this the address of a host on a directly connected network of one of them? IPv6: link-local,
/// or within the prefix of one of our addresses. Never a loopback, multicast or broadcast address.
bool directly_connected(const std::vector<Interface>& interfaces, const std::string& address);

}  // namespace lsend::net
