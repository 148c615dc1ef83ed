#include "lsend/transfer/pin_guard.hpp"

#include <vector>

#include "catch.hpp"

using namespace lsend;
using namespace lsend::transfer;
using std::chrono::seconds;

namespace {

struct Door {
  PinGuard guard{std::string("1234")};
  TimePoint now = TimePoint{} + std::chrono::hours(1);

  std::optional<Errc> knock(std::optional<std::string_view> pin,
                            const std::string& address = "10.0.0.2") {
    auto result = guard.check(pin, PeerAddress(address), now);
    return result ? std::nullopt : std::optional(result.error().code());
  }
};

}  // namespace

TEST_CASE("without a PIN everything passes") {
  PinGuard guard;
  CHECK_FALSE(guard.enabled());
  CHECK(guard.check(std::nullopt, PeerAddress("10.0.0.2"), {}).has_value());
  CHECK(guard.check("anything", PeerAddress("10.0.0.2"), {}).has_value());
}

TEST_CASE("a PIN is right, wrong or missing") {
  struct Case {
    std::optional<std::string_view> given;
    std::optional<Errc> expected;
  };
  const std::vector<Case> cases = {
      {"1234", std::nullopt},
      {std::nullopt, Errc::pin_required},
      {"", Errc::pin_required},
      {"123", Errc::pin_wrong},
      {"12345", Errc::pin_wrong},
      {" 1234", Errc::pin_wrong},
      {std::string_view("1234\0", 5), Errc::pin_wrong},
  };
  for (const auto& c : cases) {
    INFO(c.given.value_or("(none)"));
    CHECK(Door().knock(c.given) == c.expected);
  }
}

TEST_CASE("three wrong tries lock, even for the right PIN") {
  Door door;
  for (int i = 0; i < 3; ++i) CHECK(door.knock("0") == Errc::pin_wrong);
  CHECK(door.knock("1234") == Errc::pin_locked);
  CHECK(door.knock(std::nullopt) == Errc::pin_locked);
  CHECK(door.knock("1234", "10.0.0.3") == std::nullopt);
  door.now += seconds(59);
  CHECK(door.knock("1234") == Errc::pin_locked);
  door.now += seconds(1);
  CHECK(door.knock("1234") == std::nullopt);
}

TEST_CASE("a missing PIN does not count and the right one clears the count") {
  Door door;
  for (int i = 0; i < 10; ++i) CHECK(door.knock(std::nullopt) == Errc::pin_required);
  for (int round = 0; round < 3; ++round) {
    CHECK(door.knock("0") == Errc::pin_wrong);
    CHECK(door.knock("0") == Errc::pin_wrong);
    CHECK(door.knock("1234") == std::nullopt);
  }
}

TEST_CASE("lock-outs double to an hour") {
  Door door;
  for (const int expected : {60, 120, 240, 480, 960, 1920, 3600, 3600}) {
    INFO(expected << " s");
    for (int i = 0; i < 3; ++i) CHECK(door.knock("0") == Errc::pin_wrong);
    door.now += seconds(expected - 1);
    CHECK(door.knock("0") == Errc::pin_locked);
    door.now += seconds(1);
  }
  CHECK(door.knock("1234") == std::nullopt);
  for (int i = 0; i < 3; ++i) door.knock("0");
  door.now += seconds(60);
  CHECK(door.knock("1234") == std::nullopt);
}

TEST_CASE("which addresses share a count") {
  struct Case {
    const char* first;
    const char* second;
    bool shared;
  };
  const std::vector<Case> cases = {
      {"2001:db8::1", "2001:db8::ffff:1", true},
      {"2001:db8:0:0:1::1", "2001:db8::1", true},
      {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
      {"fe80::1%3", "fe80::2%eth0", true},
      {"10.0.0.2", "10.0.0.2", true},
      {"10.0.0.2", "10.0.0.3", false},
  };
  for (const auto& c : cases) {
    INFO(c.first << " and " << c.second);
    Door door;
    for (int i = 0; i < 3; ++i) door.knock("0", c.first);
    CHECK((door.knock("1234", c.second) == Errc::pin_locked) == c.shared);
  }
}

TEST_CASE("a flood of addresses does not open a lock") {
  Door door;
  for (int i = 0; i < 3; ++i) door.knock("0");
  for (int i = 0; i < 10'050; ++i) {
    door.now += std::chrono::milliseconds(1);
    door.knock("0", "172." + std::to_string(16 + i / 65536) + "." + std::to_string(i / 256 % 256) +
                        "." + std::to_string(i % 256));
  }
  CHECK(door.knock("1234") == Errc::pin_locked);
}

namespace {

/// Thirty wrong PINs have come, each from elsewhere.
struct SlowDoor : Door {
  SlowDoor() {
    for (int i = 0; i < 30; ++i) {
      CHECK(turn("10.1.0.1") == Duration::zero());
      CHECK(knock("0", "10.0.1." + std::to_string(i)) == Errc::pin_wrong);
    }
  }
  /// How long this one has to wait; nothing: it is refused.
  std::optional<Duration> turn(const std::string& address,
                               std::optional<std::string_view> pin = "1234") {
    const auto at = guard.turn(pin, PeerAddress(address), now);
    if (at) return std::chrono::duration_cast<Duration>(*at - now);
    CHECK(at.error().code() == Errc::too_many_requests);
    return std::nullopt;
  }
};

}  // namespace

TEST_CASE("after thirty wrong PINs from anywhere one is looked at each five seconds") {
  SlowDoor door;
  CHECK(door.turn("10.0.2.1") == seconds(5));
  CHECK(door.turn("10.0.2.2") == seconds(10));
  door.now += seconds(4);
  CHECK(door.turn("10.0.2.3") == seconds(11));
  door.now += seconds(11);
  CHECK(door.turn("10.0.2.4") == seconds(5));
  CHECK(door.knock("1234", "10.0.2.1") == std::nullopt);
}

TEST_CASE("of each network one PIN waits, and sixteen in all") {
  SlowDoor door;
  CHECK(door.turn("2001:db8::1") == seconds(5));
  CHECK(door.turn("2001:db8::2") == std::nullopt);
  for (int i = 2; i <= 16; ++i) CHECK(door.turn("10.0.3." + std::to_string(i)) == seconds(5 * i));
  CHECK(door.turn("10.0.4.1") == std::nullopt);
  door.now += seconds(5);
  CHECK(door.turn("10.0.4.1") == seconds(80));
}

TEST_CASE("who gives no PIN or is locked out waits for nobody") {
  SlowDoor door;
  CHECK(door.turn("10.0.2.1", std::nullopt) == Duration::zero());
  CHECK(door.turn("10.0.2.1", "") == Duration::zero());
  for (int i = 0; i < 3; ++i) door.knock("0", "10.0.2.1");
  CHECK(door.turn("10.0.2.1") == Duration::zero());
  CHECK(door.knock("1234", "10.0.2.1") == Errc::pin_locked);
}

TEST_CASE("ten minutes after the wrong PINs nobody waits") {
  SlowDoor door;
  door.now += std::chrono::minutes(10);
  CHECK(door.turn("10.0.2.1") == seconds(5));
  door.now += std::chrono::minutes(1);
  CHECK(door.turn("10.0.2.2") == Duration::zero());
}
