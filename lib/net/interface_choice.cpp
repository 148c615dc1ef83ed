#include "lsend/net/interface_choice.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <charconv>
#include <optional>

#include "lsend/net/asio.hpp"

namespace lsend::net {

namespace {

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

/// An address, or a network as NUMBER/LENGTH.
struct Network {
  asio::ip::address base;
  int length = 0;
};

std::optional<Network> read_network(const std::string& text) {
  error_code ec;
  const auto slash = text.find('/');
  Network network;
  network.base = asio::ip::make_address(text.substr(0, slash), ec);
  if (ec) return std::nullopt;
  const int most = network.base.is_v4() ? 32 : 128;
  network.length = most;
  if (slash == std::string::npos) return network;
  const auto* const begin = text.data() + slash + 1;
  const auto* const end = text.data() + text.size();
  const auto read = std::from_chars(begin, end, network.length);
  const bool good = read.ec == std::errc() && read.ptr == end && *begin != '-';
  if (!good || network.length > most) return std::nullopt;
  return network;
}

/// One entry of --interface.
struct Wanted {
  std::string name;
  std::optional<Network> network;
  bool found = false;

  bool takes(const Interface& interface, InterfaceAddress own) const {
    // The name of an alias, "eth0:1", is an address's: the interface is meant.
    if (!network) return interface.name == name.substr(0, name.find(':'));
    own.prefix = network->length;
    return in_network(own, network->base);
  }
};

/// `interface` with what `wanted` takes of it.
Interface narrow(const Interface& interface, std::vector<Wanted>& wanted) {
  Interface result = interface;
  result.addresses.clear();
  for (const auto& address : interface.addresses) {
    bool taken = false;
    for (auto& entry : wanted) {
      if (!entry.takes(interface, address)) continue;
      taken = entry.found = true;
    }
    if (taken) result.addresses.push_back(address);
  }
  result.narrowed = result.addresses.size() < interface.addresses.size();
  return result;
}

/// An address of one host in the network of `own`, which a route to everywhere is not.
bool is_neighbour(const InterfaceAddress& own, const asio::ip::address& other) {
  if (own.prefix == 0 || !in_network(own, other)) return false;
  if (own.v6 || own.prefix >= 31) return true;
  const auto host = other.to_v4().to_uint() & ~(~0U << (32 - own.prefix));
  return host != 0 && host != (~0U >> own.prefix);
}

struct Candidate {
  const Interface* interface;
  const InterfaceAddress* address;
};

std::string names(const std::vector<Interface>& interfaces) {
  std::string text;
  for (const auto& interface : interfaces) text += (text.empty() ? "" : ", ") + interface.name;
  return text.empty() ? "none is there now" : text;
}

bool is_of_host(const std::vector<Interface>& all, const asio::ip::address& address) {
  if (address.is_loopback()) return true;
  const auto text = address.to_string();
  for (const auto& interface : all)
    for (const auto& own : interface.addresses)
      if (own.address == text) return true;
  return false;
}

/// Addresses from which a connection to `peer` can start.
std::vector<Candidate> candidates_for(const std::vector<Interface>& allowed,
                                      const asio::ip::address& peer, bool within) {
  const bool link_local = peer.is_v6() && peer.to_v6().is_link_local();
  const auto zone = link_local ? peer.to_v6().scope_id() : 0;
  std::vector<Candidate> found;
  for (const auto& interface : allowed) {
    if (zone != 0 && interface.index != zone) continue;
    // Nothing leaves this host from a loopback address.
    if (interface.loopback && !within) continue;
    for (const auto& own : interface.addresses)
      if (own.v6 == peer.is_v6() && own.link_local == link_local)
        found.push_back(Candidate{&interface, &own});
  }
  return found;
}

}  // namespace

InterfaceChoice choose_interfaces(const std::vector<Interface>& all,
                                  const std::vector<std::string>& wanted) {
  InterfaceChoice choice;
  if (wanted.empty()) {
    std::copy_if(all.begin(), all.end(), std::back_inserter(choice.interfaces),
                 [](const Interface& i) { return i.multicast && !i.loopback; });
    return choice;
  }
  std::vector<Wanted> entries;
  for (const auto& name : wanted) entries.push_back(Wanted{name, read_network(name)});
  for (const auto& interface : all) {
    auto narrowed = narrow(interface, entries);
    if (!narrowed.addresses.empty()) choice.interfaces.push_back(std::move(narrowed));
  }
  for (const auto& entry : entries)
    if (!entry.found) choice.missing.push_back(entry.name);
  return choice;
}

Error no_such_interface(const std::vector<Interface>& all, const std::string& wanted) {
  const auto slash = wanted.find('/');
  error_code ec;
  (void)asio::ip::make_address(wanted.substr(0, slash), ec);
  if (!ec && !read_network(wanted))
    return fail(Errc::usage, "'" + wanted +
                                 "' is no network: behind the slash stands a length, as in "
                                 "192.168.1.0/24 or fd00::/64");
  std::string there;
  for (const auto& interface : all) there += (there.empty() ? "" : ", ") + interface.name;
  return fail(Errc::usage, "no interface that is up fits '" + wanted + "'; there are: " + there);
}

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

Result<ConnectFrom> connect_from(const std::vector<Interface>& allowed,
                                 const std::vector<Interface>& all, const std::string& peer,
                                 const std::string& usual) {
  error_code ec;
  auto to = asio::ip::make_address(peer, ec);
  if (ec) return fail(Errc::unreachable, "'" + peer + "' is no IP address of this network");
  if (to.is_v6() && to.to_v6().is_v4_mapped())
    to = asio::ip::make_address_v4(asio::ip::v4_mapped, to.to_v6());
  const bool within = is_of_host(all, to);
  const auto found = candidates_for(allowed, to, within);
  if (found.empty())
    return fail(Errc::unreachable, "no way to " + peer + " by what --interface names (" +
                                       names(allowed) + "); name an interface that leads there");
  const auto* best = &found.front();
  for (const auto& candidate : found)
    if (is_neighbour(*candidate.address, to)) best = &candidate;
  for (const auto& candidate : found)
    if (candidate.address->address == (within ? to.to_string() : usual)) best = &candidate;
  return ConnectFrom{best->address->address, within ? std::string() : best->interface->name};
}

}  // namespace lsend::net
