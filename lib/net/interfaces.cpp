#include "lsend/net/interfaces.hpp"

#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>

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

InterfaceAddress address_v4(std::uint32_t address, int prefix) {
  InterfaceAddress result;
  result.prefix = prefix;
  result.v4 = address;
  result.address = asio::ip::make_address_v4(address).to_string();
  return result;
}

InterfaceAddress address_v6(const asio::ip::address_v6& address, int prefix) {
  InterfaceAddress result;
  result.prefix = prefix;
  result.v6 = true;
  result.link_local = address.is_link_local();
  result.address = address.to_string();
  return result;
}

InterfaceAddress read_address(const ifaddrs& entry) {
  const int prefix = prefix_of(entry.ifa_netmask);
  if (entry.ifa_addr->sa_family == AF_INET)
    return address_v4(ntohl(reinterpret_cast<const sockaddr_in*>(entry.ifa_addr)->sin_addr.s_addr),
                      prefix);
  const auto& raw = *reinterpret_cast<const sockaddr_in6*>(entry.ifa_addr);
  asio::ip::address_v6::bytes_type bytes;
  std::copy(std::begin(raw.sin6_addr.s6_addr), std::end(raw.sin6_addr.s6_addr), bytes.begin());
  return address_v6(asio::ip::address_v6(bytes, raw.sin6_scope_id), prefix);
}

/// An address may have a label, "eth0:1", for a name: its interface stands before the colon.
std::string without_label(const std::string& name) { return name.substr(0, name.find(':')); }

Interface& find_or_add(std::vector<Interface>& interfaces, const std::string& name,
                       unsigned flags) {
  for (auto& known : interfaces)
    if (known.name == name) return known;
  Interface fresh;
  fresh.name = name;
  fresh.index = ::if_nametoindex(name.c_str());
  fresh.loopback = flags & IFF_LOOPBACK;
  fresh.multicast = flags & IFF_MULTICAST;
  fresh.point_to_point = flags & IFF_POINTOPOINT;
  interfaces.push_back(std::move(fresh));
  return interfaces.back();
}

/// A socket to ask about interfaces by.
class AskSocket {
 public:
  AskSocket() : handle_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
  AskSocket(const AskSocket&) = delete;
  AskSocket& operator=(const AskSocket&) = delete;
  ~AskSocket() {
    if (handle_ >= 0) ::close(handle_);
  }
  int get() const { return handle_; }

 private:
  int handle_;
};

/// getifaddrs() asks by AF_NETLINK.
Result<std::vector<Interface>> ask_netlink() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0)
    return fail_errno(Errc::failed, "cannot list the network interfaces", errno);
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  std::vector<Interface> interfaces;
  for (const auto* entry = list; entry; entry = entry->ifa_next) {
    if (!entry->ifa_addr || !(entry->ifa_flags & IFF_UP)) continue;
    const auto family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    find_or_add(interfaces, without_label(entry->ifa_name), entry->ifa_flags)
        .addresses.push_back(read_address(*entry));
  }
  return interfaces;
}

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

/// The flags of an interface that is up; 0 for others.
unsigned flags_if_up(int socket, const std::string& name) {
  auto request = request_for(name);
  if (::ioctl(socket, SIOCGIFFLAGS, &request) != 0) return 0;
  const auto flags = static_cast<unsigned short>(request.ifr_flags);
  return flags & IFF_UP ? flags : 0;
}

/// The IPv4 addresses, as netdevice(7) tells them. False when it does not.
bool ask_netdevice(int socket, std::vector<Interface>& interfaces) {
  constexpr std::size_t kMost = 1024;
  std::vector<ifreq> entries(kMost);
  ifconf all{};
  all.ifc_len = static_cast<int>(entries.size() * sizeof(ifreq));
  all.ifc_req = entries.data();
  if (::ioctl(socket, SIOCGIFCONF, &all) != 0) return false;
  entries.resize(static_cast<std::size_t>(all.ifc_len) / sizeof(ifreq));
  for (auto& entry : entries) {
    if (entry.ifr_addr.sa_family != AF_INET) continue;
    const auto name =
        without_label(std::string(entry.ifr_name, ::strnlen(entry.ifr_name, IFNAMSIZ)));
    const auto flags = flags_if_up(socket, name);
    if (flags == 0) continue;
    // Which of the addresses is meant, it reads from where its answer goes.
    auto mask = entry;
    const bool has_mask = ::ioctl(socket, SIOCGIFNETMASK, &mask) == 0;
    const int prefix = has_mask ? prefix_of(&mask.ifr_netmask) : 32;
    const auto& raw = reinterpret_cast<const sockaddr_in&>(entry.ifr_addr);
    find_or_add(interfaces, name, flags)
        .addresses.push_back(address_v4(ntohl(raw.sin_addr.s_addr), prefix));
  }
  return true;
}

std::optional<asio::ip::address_v6::bytes_type> read_hex(const std::string& digits) {
  asio::ip::address_v6::bytes_type bytes;
  if (digits.size() != 2 * bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto* const at = digits.data() + 2 * i;
    if (std::from_chars(at, at + 2, bytes[i], 16).ptr != at + 2) return std::nullopt;
  }
  return bytes;
}

/// The IPv6 addresses, as proc(5) tells them: address, index, prefix, scope, flags, name. False when
/// it does not.
bool ask_proc(int socket, std::vector<Interface>& interfaces) {
  std::ifstream list("/proc/self/net/if_inet6");
  if (!list) return false;
  std::string digits;
  std::string name;
  unsigned index = 0;
  int prefix = 0;
  unsigned scope = 0;
  unsigned state = 0;
  list >> std::hex;
  while (list >> digits >> index >> prefix >> scope >> state >> name) {
    const auto bytes = read_hex(digits);
    const auto flags = flags_if_up(socket, name);
    if (!bytes || flags == 0) continue;
    asio::ip::address_v6 address(*bytes);
    if (address.is_link_local()) address.scope_id(index);
    find_or_add(interfaces, name, flags).addresses.push_back(address_v6(address, prefix));
  }
  return true;
}

/// Does a bridge's port lead out of this host, by a cable or a tunnel? Not to a container (veth), a
/// virtual machine (tun) or nowhere (dummy); all others may, such as a bond or a VLAN of a card.
bool leads_out(const std::string& port) {
  std::error_code none;
  const bool device = std::filesystem::exists("/sys/class/net/" + port + "/device", none);
  const AskSocket socket;
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  auto request = request_for(port);
  request.ifr_data = reinterpret_cast<char*>(&driver);
  if (device || ::ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return device;
  const std::string_view name(driver.driver, ::strnlen(driver.driver, sizeof driver.driver));
  return name != "veth" && name != "tun" && name != "dummy";
}

/// Of the kernel's table, proc(5): those that have answered.
std::vector<std::uint32_t> known_neighbours(const std::string& interface) {
  constexpr unsigned kComplete = 0x02;
  std::vector<std::uint32_t> found;
  std::ifstream table("/proc/self/net/arp");
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line)) {
    std::istringstream row(line);
    std::string address;
    std::string type;
    std::string flags;
    std::string hardware;
    std::string mask;
    std::string name;
    if (!(row >> address >> type >> flags >> hardware >> mask >> name)) continue;
    error_code ec;
    const auto host = asio::ip::make_address_v4(address, ec);
    const auto state = std::strtoul(flags.c_str(), nullptr, 16);
    if (!ec && name == interface && (state & kComplete)) found.push_back(host.to_uint());
  }
  return found;
}

}  // namespace

bool Interface::has_v4() const {
  return std::any_of(addresses.begin(), addresses.end(), [](const auto& a) { return !a.v6; });
}

bool Interface::has_v6() const {
  return std::any_of(addresses.begin(), addresses.end(), [](const auto& a) { return a.v6; });
}

Result<InterfaceList> list_interfaces() {
  InterfaceList list;
  auto told = ask_netlink();
  if (told) {
    list.interfaces = std::move(*told);
    return list;
  }
  const AskSocket socket;
  const bool v4 = ask_netdevice(socket.get(), list.interfaces);
  const bool v6 = ask_proc(socket.get(), list.interfaces);
  if (!v4 && !v6) return told.error();
  list.lacks = told.error().message() + " by AF_NETLINK: they are looked at one by one" +
               (!v6   ? ", and IPv6 addresses are not known"
                : !v4 ? ", and IPv4 addresses are not known"
                      : "");
  return list;
}

std::optional<std::vector<std::uint32_t>> neighbours_on_bridge(const std::string& name) {
  namespace fs = std::filesystem;
  const fs::path place = fs::path("/sys/class/net") / name;
  std::error_code error;
  if (!fs::is_directory(place / "bridge", error)) return std::nullopt;
  for (fs::directory_iterator ports(place / "brif", error), end; !error && ports != end;
       ports.increment(error))
    if (leads_out(ports->path().filename().string())) return std::nullopt;
  if (error) return std::nullopt;
  return known_neighbours(name);
}

bool is_interface(const std::string& name) {
  return ::if_nametoindex(without_label(name).c_str()) != 0;
}

}  // namespace lsend::net
