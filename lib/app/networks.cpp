#include "lib/app/networks.hpp"

#include <algorithm>

#include "lsend/net/interface_choice.hpp"

namespace lsend::app {

namespace {

/// The first kind of addresses that there is any of: global, link-local, of this host only.
std::vector<std::string> best_addresses(const std::vector<net::Interface>& interfaces) {
  std::vector<std::string> global;
  std::vector<std::string> link_local;
  std::vector<std::string> loopback;
  for (const auto& interface : interfaces)
    for (const auto& own : interface.addresses) {
      auto& kind = interface.loopback ? loopback : own.link_local ? link_local : global;
      kind.push_back(own.address);
    }
  if (!global.empty()) return global;
  return link_local.empty() ? loopback : link_local;
}

}  // namespace

Result<Networks> look_at_networks(const Settings& settings, Absent absent) {
  Networks networks;
  auto list = net::list_interfaces();
  if (!list) {
    if (!settings.interfaces.empty()) return list.error();
    networks.lacks = list.error().message();
    return networks;
  }
  networks.all = std::move(list->interfaces);
  networks.lacks = std::move(list->lacks);
  auto choice = net::choose_interfaces(networks.all, settings.interfaces);
  for (const auto& missing : choice.missing)
    if (absent == Absent::refuse || !net::is_interface(missing))
      return net::no_such_interface(networks.all, missing);
  networks.chosen = std::move(choice.interfaces);
  networks.awaited = std::move(choice.missing);
  return networks;
}

net::ListenOn listen_on(const Settings& settings, const Networks& networks) {
  if (settings.interfaces.empty()) return std::nullopt;
  return addresses_of(networks.chosen);
}

std::vector<std::string> addresses_of(const std::vector<net::Interface>& interfaces) {
  std::vector<std::string> addresses;
  for (const auto& interface : interfaces)
    for (const auto& own : interface.addresses) addresses.push_back(own.address);
  return addresses;
}

std::vector<std::string> reachable_addresses(const Settings& settings, const Networks& networks) {
  return best_addresses(settings.interfaces.empty() ? networks.all : networks.chosen);
}

}  // namespace lsend::app
