#pragma once

#include <string>
#include <vector>

#include "lsend/model/result.hpp"
#include "lsend/net/interfaces.hpp"

namespace lsend::net {

/// What `wanted` (NAME or CIDR, as in --interface) means among the interfaces that there are.
struct InterfaceChoice {
  std::vector<Interface> interfaces;  ///< with those addresses only that were asked for
  std::vector<std::string> missing;   ///< entries of `wanted` that fit nothing now
};

/// A name brings all addresses of its interface, a network those inside of it; loopback only when
/// it is named. Without `wanted`: every one that can multicast and is no loopback.
InterfaceChoice choose_interfaces(const std::vector<Interface>& all,
                                  const std::vector<std::string>& wanted);

/// Errc::usage: no interface that is up fits the entry `wanted`, which names it and lists what there
/// is.
Error no_such_interface(const std::vector<Interface>& all, const std::string& wanted);

/// Where a connection has to come from that may use `allowed` only.
struct ConnectFrom {
  std::string address;    ///< IPv6 with its zone where it is link-local
  std::string interface;  ///< the one it has to leave by; empty: it stays on this host
};

/// For a connection to the address `peer`; `usual` is the address that the kernel would take.
/// Errc::unreachable where none of `allowed` leads there.
Result<ConnectFrom> connect_from(const std::vector<Interface>& allowed,
                                 const std::vector<Interface>& all, const std::string& peer,
                                 const std::string& usual);

/// Is this the address of a host on a directly connected network of one of them? IPv6: link-local,
/// or within the prefix of one of our addresses. Never a loopback, multicast or broadcast address.
bool directly_connected(const std::vector<Interface>& interfaces, const std::string& address);

}  // namespace lsend::net
