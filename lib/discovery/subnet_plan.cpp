#include "lsend/discovery/subnet_plan.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_set>

#include "lsend/model/text.hpp"

namespace lsend::discovery {
namespace {

constexpr std::uint64_t kMostHosts = 65'536;

/// Both ends belong to it; 64 bits, so that a /0 can be counted.
struct Range {
  std::uint64_t first;
  std::uint64_t last;
  std::uint64_t size() const { return last - first + 1; }
};

/// Without network and broadcast address, which /31 (RFC 3021) and /32 do not have.
Range usable(const Ipv4Net& net) {
  const std::uint64_t first = net.address & net.mask();
  const std::uint64_t last = net.address | ~net.mask();
  if (last - first < 2) return {first, last};
  return {first + 1, last - 1};
}

/// At most `count` addresses of `range`, as close around `centre` as its ends allow.
Range around(const Range& range, std::uint64_t centre, std::uint64_t count) {
  if (range.size() <= count) return range;
  const std::uint64_t before = count / 2;
  std::uint64_t first = centre > range.first + before ? centre - before : range.first;
  first = std::min(first, range.last - count + 1);
  return {first, first + count - 1};
}

std::vector<std::uint32_t> by_distance(const Range& range, std::uint64_t centre) {
  std::vector<std::uint32_t> hosts;
  for (std::uint64_t host = range.first; host <= range.last; ++host)
    hosts.push_back(static_cast<std::uint32_t>(host));
  const auto distance = [centre](std::uint64_t host) {
    return host > centre ? host - centre : centre - host;
  };
  std::stable_sort(hosts.begin(), hosts.end(), [&](std::uint32_t a, std::uint32_t b) {
    return distance(a) < distance(b);
  });
  return hosts;
}

}  // namespace

std::uint32_t Ipv4Net::mask() const {
  if (prefix <= 0) return 0;
  if (prefix >= 32) return ~0U;
  return ~0U << static_cast<unsigned>(32 - prefix);
}

bool Ipv4Net::contains(std::uint32_t other) const { return ((other ^ address) & mask()) == 0; }

std::optional<std::uint32_t> Ipv4Net::parse_address(std::string_view dotted) {
  in_addr parsed{};
  if (::inet_pton(AF_INET, std::string(dotted).c_str(), &parsed) != 1) return std::nullopt;
  // A NUL would hide what follows it.
  if (dotted.find('\0') != std::string_view::npos) return std::nullopt;
  return ntohl(parsed.s_addr);
}

std::optional<Ipv4Net> Ipv4Net::parse(std::string_view cidr) {
  const std::size_t slash = cidr.find('/');
  const auto address = parse_address(cidr.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Ipv4Net{*address, 32};
  const std::string_view digits = cidr.substr(slash + 1);
  unsigned prefix = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, prefix);
  if (error != std::errc{} || stop != end || digits.size() > 2 || prefix > 32) return std::nullopt;
  return Ipv4Net{*address, static_cast<int>(prefix)};
}

std::string Ipv4Net::to_string(std::uint32_t address) {
  const in_addr network{htonl(address)};
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &network, text.data(), text.size());
  return text.data();
}

std::vector<std::string> sweep_hosts(std::vector<Ipv4Net> own, int widest_prefix,
                                     const std::vector<std::uint32_t>& known) {
  const std::uint64_t most = std::uint64_t{1} << (32 - std::clamp(widest_prefix, 0, 32));
  std::stable_sort(own.begin(), own.end(),
                   [](const Ipv4Net& a, const Ipv4Net& b) { return a.prefix > b.prefix; });
  std::unordered_set<std::uint32_t> seen;
  for (const Ipv4Net& net : own) seen.insert(net.address);
  std::vector<std::string> hosts;
  const auto add = [&](std::uint32_t host) {
    if (hosts.size() < most && seen.insert(host).second) hosts.push_back(Ipv4Net::to_string(host));
  };
  for (const auto host : known) add(host);
  for (const Ipv4Net& net : own) {
    const auto range = around(usable(net), net.address, most);
    for (const auto host : by_distance(range, net.address)) add(host);
  }
  return hosts;
}

Result<std::vector<std::string>> sweep_cidr(std::string_view cidr,
                                            const std::vector<std::uint32_t>& own_addresses) {
  const auto net = Ipv4Net::parse(cidr);
  if (!net) {
    return fail(Errc::usage, "'" + escape_for_terminal(cidr) +
                                 "' is not an IPv4 network; write it like 192.168.1.0/24");
  }
  const Range range = usable(*net);
  if (range.size() > kMostHosts) {
    return fail(Errc::usage, "'" + escape_for_terminal(cidr) + "' has " +
                                 std::to_string(range.size()) + " hosts, and a sweep takes " +
                                 std::to_string(kMostHosts) +
                                 " at most; give a network of /16 or smaller");
  }
  std::vector<std::string> hosts;
  hosts.reserve(range.size());
  for (std::uint64_t host = range.first; host <= range.last; ++host) {
    const auto address = static_cast<std::uint32_t>(host);
    if (std::find(own_addresses.begin(), own_addresses.end(), address) == own_addresses.end()) {
      hosts.push_back(Ipv4Net::to_string(address));
    }
  }
  return hosts;
}

}  // namespace lsend::discovery
