#include "lsend/transfer/accept_from.hpp"

#include <vector>

#include "catch.hpp"

using namespace lsend;
using namespace lsend::transfer;

namespace {

const std::string kHex = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";

Sender from(const char* address, bool proven = false, bool trusted = false) {
  Sender sender;
  sender.address = PeerAddress(address);
  if (proven) sender.proven = Fingerprint(kHex);
  sender.trusted = trusted;
  return sender;
}

}  // namespace

TEST_CASE("who a selector means") {
  struct Case {
    std::string selector;
    Sender sender;
    bool matches;
  };
  const auto plain = from("10.0.0.5");
  const auto proven = from("10.0.0.5", true);
  const auto trusted = from("10.0.0.5", true, true);
  // What nobody proved cannot be trusted, whoever says so.
  const auto claimed = from("10.0.0.5", false, true);
  const std::vector<Case> cases = {
      {"trusted", trusted, true},
      {"trusted", proven, false},
      {"trusted", claimed, false},
      {"trusted", plain, false},
      {"fp:" + kHex, proven, true},
      {"fp:" + kHex, plain, false},
      {"fp:0123456789abcdef0123456789abcdef", proven, true},
      {"fp:01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef", proven, true},
      {"fp:F" + kHex.substr(1), proven, false},
      {"10.0.0.5", plain, true},
      {"10.0.0.0/24", plain, true},
      {"10.0.1.0/24", trusted, false},
      {"fd00::/8", from("fd12::1"), true},
      {"fd00::/8", plain, false},
  };
  for (const auto& c : cases) {
    INFO(c.selector << " and " << c.sender.address.str() << (c.sender.proven ? " proven" : ""));
    const auto selector = AcceptSelector::parse(c.selector);
    REQUIRE(selector.has_value());
    CHECK(selector->matches(c.sender) == c.matches);
  }
}

TEST_CASE("what is no selector is refused") {
  for (const auto* text : {"", "Trusted", "everyone", "fp", "10.0.0.0/99", "10.0.0.300", "eth0"}) {
    INFO(text);
    const auto selector = AcceptSelector::parse(text);
    REQUIRE(!selector);
    CHECK(selector.error() == Error(Errc::usage, "'" + std::string(text) +
                                                     "' is none of 'trusted', 'fp:HEX', an address "
                                                     "and a network like 192.168.1.0/24"));
  }
  for (const auto& text : {std::string("fp:"), "fp:" + kHex.substr(0, 31), "fp:" + kHex + "0",
                           "fp:" + kHex.substr(0, 32) + "g"}) {
    INFO(text);
    const auto selector = AcceptSelector::parse(text);
    REQUIRE(!selector);
    CHECK(
        selector.error().message().find(
            "needs 32 to 64 hex digits of the fingerprint: a certificate can be made for fewer") !=
        std::string::npos);
  }
}
