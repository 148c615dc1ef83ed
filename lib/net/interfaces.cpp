#include "lsend/net/interfaces.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <memory>

#include "lsend/net/tcp_link.hpp"

namespace lsend::net {

namespace {

int prefix_of(const sockaddr* mask) {
  if (!mask) return 0;
  int bits = 0;
  if (mask->sa_family == AF_INET)
    return std::popcount(reinterpret_cast<const sockaddr_in*>(mask)->sin_addr.s_addr);
  for (const auto byte : reinterpret_cast<const sockaddr_in6*>(mask)->sin6_addr.s6_addr)
    bits += std::popcount(byte);
  return bits;
}

InterfaceAddress read_address(const ifaddrs& entry) {
  InterfaceAddress result;
  result.prefix = prefix_of(entry.ifa_netmask);
  if (entry.ifa_addr->sa_family == AF_INET) {
    result.v4 = ntohl(reinterpret_cast<const sockaddr_in*>(entry.ifa_addr)->sin_addr.s_addr);
    result.address = asio::ip::make_address_v4(result.v4).to_string();
    return result;
  }
  const auto& raw = *reinterpret_cast<const sockaddr_in6*>(entry.ifa_addr);
  asio::ip::address_v6::bytes_type bytes;
  std::copy(std::begin(raw.sin6_addr.s6_addr), std::end(raw.sin6_addr.s6_addr), bytes.begin());
  const asio::ip::address_v6 address(bytes, raw.sin6_scope_id);
  result.v6 = true;
  result.link_local = address.is_link_local();
  result.address = address.to_string();
  return result;
}

Interface& find_or_add(std::vector<Interface>& interfaces, const ifaddrs& entry) {
  const std::string name = entry.ifa_name;
  for (auto& known : interfaces)
    if (known.name == name) return known;
  Interface fresh;
  fresh.name = name;
  fresh.index = ::if_nametoindex(entry.ifa_name);
  fresh.loopback = entry.ifa_flags & IFF_LOOPBACK;
  fresh.multicast = entry.ifa_flags & IFF_MULTICAST;
  fresh.point_to_point = entry.ifa_flags & IFF_POINTOPOINT;
  interfaces.push_back(std::move(fresh));
  return interfaces.back();
}

bool in_network(const InterfaceAddress& own, const asio::ip::address& other) {
  if (own.v6 != other.is_v6()) return false;
  error_code ec;
  if (!own.v6) {
    const auto mask = own.prefix == 0 ? 0U : ~0U << (32 - own.prefix);
    return (own.v4 & mask) == (other.to_v4().to_uint() & mask);
  }
  const auto mine = asio::ip::make_address_v6(own.address, ec);
  if (ec) return false;
  asio::ip::address_v6 theirs(other.to_v6().to_bytes());
  const auto length = static_cast<unsigned short>(own.prefix);
  return asio::ip::make_network_v6(asio::ip::address_v6(mine.to_bytes()), length).canonical() ==
         asio::ip::make_network_v6(theirs, length).canonical();
}

bool fits(const Interface& interface, const std::string& wanted) {
  if (interface.name == wanted) return true;
  error_code ec;
  const auto slash = wanted.find('/');
  const auto base = asio::ip::make_address(wanted.substr(0, slash), ec);
  if (ec) return false;
  int length = base.is_v4() ? 32 : 128;
  if (slash != std::string::npos) {
    const auto digits = wanted.substr(slash + 1);
    if (digits.empty() || digits.size() > 3 ||
        !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return false;
    length = std::min(length, std::stoi(digits));
  }
  return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                     [&](InterfaceAddress own) {
                       own.prefix = length;
                       return in_network(own, base);
                     });
}

}  // namespace

bool Interface::has_v4() const {
  return std::any_of(addresses.begin(), addresses.end(), [](const auto& a) { return !a.v6; });
}

bool Interface::has_v6() const {
  return std::any_of(addresses.begin(), addresses.end(), [](const auto& a) { return a.v6; });
}

Result<std::vector<Interface>> list_interfaces() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0)
    return fail_errno(Errc::failed, "cannot list the network interfaces", errno);
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  std::vector<Interface> interfaces;
  for (const auto* entry = list; entry; entry = entry->ifa_next) {
    if (!entry->ifa_addr || !(entry->ifa_flags & IFF_UP)) continue;
    const auto family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    find_or_add(interfaces, *entry).addresses.push_back(read_address(*entry));
  }
  return interfaces;
}

Result<std::vector<Interface>> select_interfaces(const std::vector<Interface>& all,
                                                 const std::vector<std::string>& wanted) {
  std::vector<Interface> chosen;
  if (wanted.empty()) {
    std::copy_if(all.begin(), all.end(), std::back_inserter(chosen),
                 [](const Interface& i) { return i.multicast && !i.loopback; });
    return chosen;
  }
  for (const auto& name : wanted) {
    bool found = false;
    for (const auto& interface : all) {
      if (!fits(interface, name)) continue;
      found = true;
      const bool known = std::any_of(chosen.begin(), chosen.end(), [&](const Interface& other) {
        return other.index == interface.index;
      });
      if (!known) chosen.push_back(interface);
    }
    if (found) continue;
    std::string there;
    for (const auto& interface : all) there += (there.empty() ? "" : ", ") + interface.name;
    return fail(Errc::usage, "no interface that is up fits '" + name + "'; there are: " + there);
  }
  return chosen;
}

namespace {

/// An address of one host in the network of `own`, which a route to everywhere is not.
bool is_neighbour(const InterfaceAddress& own, const asio::ip::address& other) {
  if (own.prefix == 0 || !in_network(own, other)) return false;
  if (own.v6 || own.prefix >= 31) return true;
  const auto host = other.to_v4().to_uint() & ~(~0U << (32 - own.prefix));
  return host != 0 && host != (~0U >> own.prefix);
}

}  // namespace

bool directly_connected(const std::vector<Interface>& interfaces, const std::string& address) {
  error_code ec;
  const auto other = asio::ip::make_address(address, ec);
  if (ec || other.is_unspecified() || other.is_multicast() || other.is_loopback()) return false;
  if (other.is_v6() && other.to_v6().is_link_local()) return true;
  for (const auto& interface : interfaces)
    for (const auto& own : interface.addresses)
      if (is_neighbour(own, other)) return true;
  return false;
}

}  // namespace lsend::net
