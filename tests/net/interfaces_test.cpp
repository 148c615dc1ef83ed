#include "lsend/net/interface_choice.hpp"

#include "catch.hpp"

using lsend::net::directly_connected;
using lsend::net::Interface;
using lsend::net::InterfaceAddress;

namespace {

InterfaceAddress v4(std::uint32_t address, int prefix) {
  InterfaceAddress result;
  result.v4 = address;
  result.prefix = prefix;
  return result;
}

InterfaceAddress v6(const std::string& address, int prefix) {
  InterfaceAddress result;
  result.v6 = true;
  result.address = address;
  result.prefix = prefix;
  return result;
}

Interface with(std::vector<InterfaceAddress> addresses) {
  Interface result;
  result.addresses = std::move(addresses);
  return result;
}

}  // namespace

TEST_CASE("S49: who is on a directly connected network") {
  const std::uint32_t own = 0xC0A80114;  // 192.168.1.20
  struct Case {
    InterfaceAddress own;
    const char* other;
    bool near;
  };
  const Case cases[] = {
      {v4(own, 24), "192.168.1.1", true},
      {v4(own, 24), "192.168.2.1", false},
      {v4(own, 16), "192.168.2.1", true},
      {v4(own, 24), "192.168.1.255", false},  // broadcast
      {v4(own, 24), "192.168.1.0", false},    // the network itself
      {v4(own, 31), "192.168.1.21", true},    // has neither (RFC 3021)
      {v4(own, 32), "192.168.1.21", false},
      {v4(own, 0), "8.8.8.8", false},  // a route to everywhere is no neighbourhood
      {v4(own, 24), "255.255.255.255", false},
      {v4(own, 24), "0.0.0.0", false},
      {v4(own, 24), "224.0.0.167", false},
      {v4(own, 24), "127.0.0.1", false},
      {v4(0x7F000001, 8), "127.0.0.2", false},
      {v4(own, 24), "::1", false},
      {v4(own, 24), "not an address", false},
      {v6("fd00:1::20", 64), "fd00:1::99", true},
      {v6("fd00:1::20", 64), "fd00:2::99", false},
      {v6("fd00:1::20", 64), "2001:db8::1", false},
      {v6("fd00:1::20", 0), "2001:db8::1", false},
      {v6("fd00:1::20", 64), "fe80::1%3", true},
      {v6("fd00:1::20", 64), "ff02::1", false},
      {v6("fd00:1::20", 64), "::", false},
  };
  for (const auto& [address, other, near] : cases) {
    INFO(other << " seen from a prefix of " << address.prefix);
    CHECK(directly_connected({with({address})}, other) == near);
  }
}

namespace {

Interface named(const std::string& name, unsigned index, std::vector<InterfaceAddress> addresses) {
  auto result = with(std::move(addresses));
  result.name = name;
  result.index = index;
  result.multicast = true;
  for (auto& address : result.addresses) {
    if (!address.v6) {
      const auto v = address.v4;
      address.address = std::to_string(v >> 24U) + "." + std::to_string((v >> 16U) & 255U) + "." +
                        std::to_string((v >> 8U) & 255U) + "." + std::to_string(v & 255U);
    }
    address.link_local = address.address.starts_with("fe80");
  }
  return result;
}

/// A wired and a wireless network, and a loopback interface.
std::vector<Interface> host() {
  auto lo = named("lo", 1, {v4(0x7F000001, 8), v6("::1", 128)});
  lo.loopback = true;
  lo.multicast = false;
  auto eth = named("eth0", 2, {v4(0x0A4D0001, 16), v4(0x0A420001, 24), v6("fd00:1::1", 64),
                               v6("fe80::1%2", 64)});
  auto wlan = named("wlan0", 3, {v4(0xC0A80114, 24), v6("fe80::2%3", 64)});
  return {lo, eth, wlan};
}

std::string shown(const std::vector<Interface>& interfaces) {
  std::string text;
  for (const auto& interface : interfaces) {
    text += interface.name + (interface.narrowed ? "-" : "") + "(";
    for (const auto& own : interface.addresses) text += own.address + " ";
    text += ")";
  }
  return text;
}

}  // namespace

TEST_CASE("what --interface leaves of a host's addresses") {
  struct Case {
    std::vector<std::string> wanted;
    std::string chosen;
    std::vector<std::string> missing;
  };
  const std::string eth = "eth0(10.77.0.1 10.66.0.1 fd00:1::1 fe80::1%2 )";
  const std::string wlan = "wlan0(192.168.1.20 fe80::2%3 )";
  const std::vector<Case> cases{
      {{}, eth + wlan, {}},
      {{"eth0"}, eth, {}},
      {{"lo"}, "lo(127.0.0.1 ::1 )", {}},
      {{"eth0:1"}, eth, {}},
      {{"eth0:"}, eth, {}},
      {{"usb0:1"}, "", {"usb0:1"}},
      {{":1"}, "", {":1"}},
      {{"10.77.0.0/16"}, "eth0-(10.77.0.1 )", {}},
      {{"10.0.0.0/8"}, "eth0-(10.77.0.1 10.66.0.1 )", {}},
      {{"10.66.0.1"}, "eth0-(10.66.0.1 )", {}},
      {{"10.66.0.1", "fd00::/8"}, "eth0-(10.66.0.1 fd00:1::1 )", {}},
      {{"10.66.0.0/24", "eth0"}, eth, {}},
      {{"0.0.0.0/0"}, "lo-(127.0.0.1 )eth0-(10.77.0.1 10.66.0.1 )wlan0-(192.168.1.20 )", {}},
      {{"wlan0", "usb0"}, wlan, {"usb0"}},
      {{"10.99.0.0/16"}, "", {"10.99.0.0/16"}},
      {{"10.77.0.0/33"}, "", {"10.77.0.0/33"}},
      {{"10.77.0.0/"}, "", {"10.77.0.0/"}},
      {{"10.77.0.0/-1"}, "", {"10.77.0.0/-1"}},
      {{"10.77.0.0/8x"}, "", {"10.77.0.0/8x"}},
  };
  for (const auto& one : cases) {
    INFO((one.wanted.empty() ? "none" : one.wanted.front()));
    const auto choice = lsend::net::choose_interfaces(host(), one.wanted);
    CHECK(shown(choice.interfaces) == one.chosen);
    CHECK(choice.missing == one.missing);
  }
}

TEST_CASE("where a connection leaves by") {
  struct Case {
    std::vector<std::string> wanted;
    std::string peer;
    std::string usual;
    std::string from;  // empty: there is no way
  };
  const std::vector<Case> cases{
      // As the routes say, where that is allowed.
      {{"eth0"}, "10.77.0.9", "10.77.0.1", "10.77.0.1 eth0"},
      {{"eth0", "wlan0"}, "8.8.8.8", "192.168.1.20", "192.168.1.20 wlan0"},
      // Else by the network that the peer is in, else by any.
      {{"eth0"}, "10.66.0.9", "192.168.1.20", "10.66.0.1 eth0"},
      {{"eth0"}, "192.168.1.7", "192.168.1.20", "10.77.0.1 eth0"},
      {{"10.66.0.0/24"}, "10.77.0.9", "10.77.0.1", "10.66.0.1 eth0"},
      {{"eth0"}, "fd00:1::9", "", "fd00:1::1 eth0"},
      {{"wlan0"}, "fd00:1::9", "fd00:1::1", ""},
      // A link-local address belongs to one interface.
      {{"eth0"}, "fe80::9%2", "", "fe80::1%2 eth0"},
      {{"wlan0"}, "fe80::9%2", "", ""},
      // What stays on this host passes through no interface; what leaves it, not through lo.
      {{"eth0"}, "127.0.0.1", "127.0.0.1", "10.77.0.1 "},
      {{"eth0"}, "10.66.0.1", "10.66.0.1", "10.66.0.1 "},
      {{"lo"}, "127.0.0.1", "127.0.0.1", "127.0.0.1 "},
      {{"lo"}, "::1", "::1", "::1 "},
      {{"lo"}, "10.77.0.1", "10.77.0.1", "127.0.0.1 "},
      {{"lo"}, "10.77.0.9", "10.77.0.1", ""},
  };
  const auto all = host();
  for (const auto& one : cases) {
    INFO(one.wanted.front() << " to " << one.peer);
    const auto choice = lsend::net::choose_interfaces(all, one.wanted);
    const auto from = lsend::net::connect_from(choice.interfaces, all, one.peer, one.usual);
    CHECK((from ? from->address + " " + from->interface : "") == one.from);
    if (!from)
      CHECK(from.error().message() ==
            "no way to " + one.peer + " by what --interface names (" + one.wanted.front() +
                "); name an interface that leads there");
  }
}
