#include "lsend/model/network.hpp"

#include "catch.hpp"

using namespace lsend;

TEST_CASE("a network contains the addresses that start as it does") {
  struct Case {
    const char *network, *address;
    bool contains;
  };
  const std::vector<Case> cases = {
      {"192.168.1.0/24", "192.168.1.255", true},
      {"192.168.1.77/24", "192.168.1.1", true},
      {"192.168.1.0/24", "192.168.2.1", false},
      {"10.0.0.0/9", "10.127.255.255", true},
      {"10.0.0.0/9", "10.128.0.0", false},
      {"0.0.0.0/0", "8.8.8.8", true},
      {"0.0.0.0/0", "::1", false},
      {"10.0.0.5", "10.0.0.5", true},
      {"10.0.0.5", "10.0.0.6", false},
      {"10.0.0.5/32", "10.0.0.4", false},
      {"fd00::/8", "fdff::1", true},
      {"fd00::/8", "fe00::1", false},
      {"fe80::/10", "fe80::1%eth0", true},
      {"fe80::1%eth1", "fe80::1%eth0", true},
      {"2001:db8::/33", "2001:db8:7fff::1", true},
      {"2001:db8::/33", "2001:db8:8000::1", false},
      {"::1", "::1", true},
      {"::1", "127.0.0.1", false},
      {"::/0", "127.0.0.1", false},
      {"127.0.0.1", "no address", false},
  };
  for (const auto& c : cases) {
    INFO(c.network << " and " << c.address);
    const auto network = IpNetwork::parse(c.network);
    REQUIRE(network.has_value());
    CHECK(network->contains(PeerAddress(c.address)) == c.contains);
  }
}

TEST_CASE("what is no network is refused with its text") {
  for (const auto* text : {"", "/", "/24", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
                           "10.0.0.0/8x", "10.0.0.0/ 8", "::/129", "host", "10.0.0.0/8/8"}) {
    INFO(text);
    const auto network = IpNetwork::parse(text);
    REQUIRE(!network);
    CHECK(network.error() ==
          Error(Errc::usage, "'" + std::string(text) +
                                 "' is no IP address or network like 192.168.1.0/24 or fd00::/8"));
  }
}

TEST_CASE("limits count an IPv4 address and an IPv6 /64") {
  struct Case {
    const char *address, *counted;
  };
  const std::vector<Case> cases = {
      {"192.168.1.5", "192.168.1.5"},
      {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
      {"2001:db8:1:2:ffff::", "2001:db8:1:2::/64"},
      {"2001:db8:1:3::1", "2001:db8:1:3::/64"},
      {"fe80::1%eth0", "fe80::/64"},
      {"::1", "::/64"},
  };
  for (const auto& c : cases) CHECK(counted_network(PeerAddress(c.address)) == c.counted);
}
