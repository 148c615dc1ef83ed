#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "lib/app/doctor_checks.hpp"
#include "lib/app/networks.hpp"
#include "lib/app/runtime.hpp"
#include "lib/app/subprocess.hpp"
#include "lsend/net/multicast.hpp"
#include "lsend/net/port_holder.hpp"
#include "lsend/net/tcp_link.hpp"
#include "lsend/storage/sha256.hpp"

namespace lsend::app {
namespace {

using Interfaces = std::vector<net::Interface>;

std::string names_of(const Interfaces& interfaces) {
  std::string names;
  for (const auto& interface : interfaces) {
    names += (names.empty() ? "" : "; ") + interface.name;
    for (const auto& address : interface.addresses) names += " " + address.address;
  }
  return names;
}

Networks check_interfaces(const Settings& settings, Checks& checks) {
  auto networks = look_at_networks(settings, Absent::refuse);
  if (!networks) {
    checks.emplace_back("interfaces", Health::fail, networks.error().message(),
                        "name another one with --interface; 'ip address' shows all");
    return {};
  }
  if (!networks->lacks.empty())
    checks.emplace_back("interfaces", Health::warn, networks->lacks,
                        "let this process use AF_NETLINK (systemd: RestrictAddressFamilies=; "
                        "containers: the seccomp profile)");
  if (networks->chosen.empty())
    checks.emplace_back("interfaces", Health::fail, "none is up, can multicast and has an address",
                        "ip link set dev NAME up, and give it an address (dhclient NAME)");
  else
    checks.emplace_back("interfaces", Health::ok, names_of(networks->chosen));
  return std::move(*networks);
}

/// Binding tells; connections that ended a moment ago do not count.
int try_listen(const net::asio::ip::address& address, std::uint16_t port) {
  const net::asio::ip::tcp::endpoint endpoint(address, port);
  const int socket = ::socket(address.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return 0;
  const int on = 1;
  (void)::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address.is_v6()) (void)::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  int failed = ::bind(socket, endpoint.data(), static_cast<socklen_t>(endpoint.size()));
  if (failed == 0) failed = ::listen(socket, 1);
  const int error = failed == 0 ? 0 : errno;
  ::close(socket);
  return error;
}

/// The first reason why `receive` could not listen where it would.
int try_listen(const Settings& settings, const Networks& networks) {
  const auto on =
      listen_on(settings, networks).value_or(std::vector<std::string>{"0.0.0.0", "::"});
  for (const auto& text : on) {
    net::error_code ec;
    const auto address = net::asio::ip::make_address(text, ec);
    const int error = ec ? 0 : try_listen(address, settings.port);
    if (error != 0 && error != EADDRNOTAVAIL && error != EAFNOSUPPORT) return error;
  }
  return 0;
}

void check_port(const Settings& settings, const Networks& networks, Checks& checks) {
  const auto port = std::to_string(settings.port);
  if (settings.port == 0) return (void)checks.emplace_back("TCP port", Health::ok, "any free one");
  const int error = try_listen(settings, networks);
  if (error == 0) return (void)checks.emplace_back("TCP port", Health::ok, port + " is free");
  const auto holders = net::port_holders(net::Transport::tcp, settings.port);
  const bool ours =
      !holders.empty() && std::all_of(holders.begin(), holders.end(),
                                      [](const auto& holder) { return holder.name == "lsend"; });
  if (error == EADDRINUSE && ours)
    return (void)checks.emplace_back("TCP port", Health::ok,
                                     port + " is in use" + net::held_by(holders) + ": it receives");
  auto remedy = holders.empty() ? "ss -ltnp 'sport = :" + port + "' as root shows who holds it"
                                : "stop it (kill " + std::to_string(holders.front().pid) + ")";
  if (error == EACCES) remedy = "ports below 1024 are for root";
  checks.emplace_back("TCP port", Health::fail,
                      port + " cannot be used: " + std::strerror(error) + net::held_by(holders),
                      remedy + ", or choose another one with --port");
}

/// What was heard of what we sent, by interface: IPv4 and IPv6.
using Heard = std::map<unsigned, std::pair<bool, bool>>;

Task<Result<Heard>> listen_for_ourselves(net::Multicast& sockets, std::string text, Heard& heard,
                                         std::size_t expected) {
  constexpr int tries = 4;
  constexpr Duration pause{150};
  for (int i = 0; i < tries; ++i) {
    (void)sockets.send(text);
    const bool slept = co_await net::sleep_for(pause);
    if (!slept) break;
    std::size_t have = 0;
    for (const auto& [index, families] : heard)
      have += static_cast<std::size_t>(families.first) + static_cast<std::size_t>(families.second);
    if (have >= expected) break;
  }
  sockets.stop();
  co_await sockets.join();
  co_return heard;
}

void judge_multicast(const Settings& settings, const Interfaces& interfaces, const Heard& heard,
                     Checks& checks) {
  const auto wants = [&](bool v6) {
    for (const auto& group : settings.multicast_groups)
      if ((group.find(':') != std::string::npos) == v6) return true;
    return false;
  };
  for (const auto& interface : interfaces) {
    const auto found = heard.find(interface.index);
    const auto families = found == heard.end() ? std::pair(false, false) : found->second;
    std::string deaf;
    if (interface.has_v4() && wants(false) && !families.first) deaf = "IPv4";
    if (interface.has_v6() && wants(true) && !families.second)
      deaf += deaf.empty() ? "IPv6" : " and IPv6";
    const auto name = "multicast " + interface.name;
    if (deaf.empty()) {
      checks.emplace_back(name, Health::ok, "we hear ourselves");
      continue;
    }
    // With one family discovery works.
    const bool other = families.first || families.second;
    checks.emplace_back(
        name, other ? Health::warn : Health::fail, "we do not hear ourselves by " + deaf,
        "let UDP port " + std::to_string(settings.multicast_port) +
            " in: iptables -I INPUT -p udp --dport " + std::to_string(settings.multicast_port) +
            " -j ACCEPT (ip6tables for IPv6); or name addresses to 'lsend send'");
  }
}

void check_multicast(const Settings& settings, const Interfaces& interfaces, Runtime& runtime,
                     Checks& checks) {
  // No announcement: other devices take no notice of it.
  const auto text = "{\"lsendDoctor\":\"" + storage::random_text() + "\"}";
  Heard heard;
  auto sockets =
      net::Multicast::make(runtime.executor(), settings.multicast_groups, settings.multicast_port,
                           [&heard, &text](const net::Datagram& datagram) {
                             if (datagram.text != text) return true;
                             auto& families = heard[datagram.interface_index];
                             const bool v6 = datagram.from.str().find(':') != std::string::npos;
                             (v6 ? families.second : families.first) = true;
                             return true;
                           });
  if (!sockets)
    return (void)checks.emplace_back("UDP port", Health::fail, sockets.error().message(),
                                     "leave out --multicast-group");
  const auto update = (*sockets)->update(interfaces);
  const auto port = std::to_string(settings.multicast_port);
  const auto holders =
      net::held_by(net::port_holders(net::Transport::udp, settings.multicast_port));
  if (update.problems.empty()) checks.emplace_back("UDP port", Health::ok, port + " can be shared");
  for (const auto& problem : update.problems)
    checks.emplace_back("UDP port", Health::fail, port + ": " + problem + holders,
                        "stop the program that holds it, or use --multicast-port on all devices");
  const auto count = (*sockets)->sockets();
  if (count == 0) return;
  (void)runtime.run(listen_for_ourselves(**sockets, text, heard, count));
  judge_multicast(settings, interfaces, heard, checks);
}

/// lsend names the interface and needs no route; other programs of this host do.
void check_route(const Interfaces& interfaces, Checks& checks) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in group{};
  group.sin_family = AF_INET;
  group.sin_port = htons(kDefaultPort);
  (void)inet_pton(AF_INET, "224.0.0.167", &group.sin_addr);
  const int failed = ::connect(socket, reinterpret_cast<const sockaddr*>(&group), sizeof(group));
  const int error = failed == 0 ? 0 : errno;
  if (socket >= 0) ::close(socket);
  if (error == 0)
    return (void)checks.emplace_back("route", Health::ok, "there is one for 224.0.0.0/4");
  const auto name = interfaces.empty() ? std::string("eth0") : interfaces.front().name;
  checks.emplace_back("route", Health::warn,
                      std::string("none for 224.0.0.0/4 (") + std::strerror(error) +
                          "): lsend does without, other programs may not",
                      "ip route add 224.0.0.0/4 dev " + name);
}

Task<Result<CommandEnd>> read_rules() {
  // Only what matters: the output that is kept is short.
  ShellCommand command(
      "PATH=$PATH:/usr/sbin:/sbin; command -v nft >/dev/null || { echo no-nft; exit; }; "
      "nft list ruleset 2>&1 | grep -E 'hook input|dport|ot permitted'",
      std::chrono::seconds(5));
  auto end = co_await run_command(std::move(command));
  co_return end;
}

void check_firewall(const Settings& settings, Runtime& runtime, Checks& checks) {
  const auto end = runtime.run(read_rules());
  const auto rules = end ? end->output : std::string();
  const auto port = std::to_string(settings.port == 0 ? kDefaultPort : settings.port);
  const auto has = [&](const std::string& text) { return rules.find(text) != std::string::npos; };
  if (!end || has("no-nft"))
    return (void)checks.emplace_back("firewall", Health::ok,
                                     "not looked at: there is no 'nft' to read its rules with");
  if (has("ot permitted"))
    return (void)checks.emplace_back("firewall", Health::warn, "its rules are for root to read",
                                     "sudo lsend doctor");
  bool drops = false;
  for (std::size_t at = 0; (at = rules.find("hook input", at)) != std::string::npos; ++at) {
    const auto line = rules.substr(at, rules.find('\n', at) - at);
    drops = drops || line.find("policy drop") != std::string::npos;
  }
  if (!drops)
    checks.emplace_back("firewall", Health::ok, "no policy drops what comes in");
  else if (has("dport " + port + " "))
    checks.emplace_back("firewall", Health::ok, "drops what comes in, with a rule for " + port);
  else
    checks.emplace_back("firewall", Health::warn,
                        "the policy for what comes in is drop, and no rule names port " + port,
                        "iptables -I INPUT -p tcp --dport " + port +
                            " -j ACCEPT; iptables -I INPUT -p udp --dport " +
                            std::to_string(settings.multicast_port) + " -j ACCEPT (or: ufw allow " +
                            port + ")");
}

}  // namespace

void check_network(const Settings& settings, Checks& checks) {
  const auto networks = check_interfaces(settings, checks);
  const auto& interfaces = networks.chosen;
  check_port(settings, networks, checks);
  {
    Runtime runtime;
    if (!interfaces.empty()) check_multicast(settings, interfaces, runtime, checks);
  }
  check_route(interfaces, checks);
  Runtime runtime;
  check_firewall(settings, runtime, checks);
}

std::vector<Check> examine(const Settings& settings, const DoctorOptions& options) {
  Checks checks;
  check_host(settings, options, checks);
  check_network(settings, checks);
  return checks;
}

}  // namespace lsend::app
