#pragma once

#include <cstdint>
#include <optional>
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
  bool narrowed = false;  ///< `addresses` are not all that it has
  std::vector<InterfaceAddress> addresses;

  bool has_v4() const;
  bool has_v6() const;
};

/// The interfaces that are up and have an address.
struct InterfaceList {
  std::vector<Interface> interfaces;
  std::string lacks;  ///< what could not be looked at, and why, as a sentence; else empty
};

/// Where the kernel's list is refused (no AF_NETLINK: Android, some containers) older calls tell.
/// Errc::failed when nothing tells.
Result<InterfaceList> list_interfaces();

/// The IPv4 hosts that the kernel has talked to on a bridge without a cable, such as those of
/// containers and virtual machines: nobody else can be there. Nothing for any other interface.
std::optional<std::vector<std::uint32_t>> neighbours_on_bridge(const std::string& name);

/// Is there an interface of this name, whether it is up and has an address or not?
bool is_interface(const std::string& name);

}  // namespace lsend::net
