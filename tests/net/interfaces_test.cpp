#include "lsend/net/interfaces.hpp"

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
