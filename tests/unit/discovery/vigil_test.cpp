#include "lsend/discovery/vigil.hpp"

#include "catch.hpp"

using namespace lsend;
using namespace lsend::discovery;
using namespace std::chrono_literals;

namespace {

constexpr Duration kAnnouncements = 60s;
const TimePoint kStart{std::chrono::hours(1)};

Endpoint at(const std::string& host) {
  Endpoint endpoint;
  endpoint.host = host;
  return endpoint;
}

Device device(bool verified, std::vector<Endpoint> endpoints = {at("10.0.0.2")}) {
  Device made;
  made.info.alias = "kitchen";
  made.info.fingerprint = Fingerprint(std::string(64, 'A'));
  made.endpoints = std::move(endpoints);
  made.verified = verified;
  made.last_seen = kStart;
  return made;
}

/// Lets a device be silent second by second; when it is lost, or nothing within ten minutes.
std::optional<Duration> lost_after(Vigil& vigil, const Device& one, Vigil::Call how,
                                   std::size_t* calls = nullptr) {
  for (auto passed = 0s; passed < 600s; passed += 1s) {
    const auto now = one.last_seen + passed;
    for (const auto& task : vigil.due({one}, now)) {
      if (calls) ++*calls;
      vigil.ended(task.device, how);
    }
    if (vigil.lost(one, now)) return passed;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("a device that was heard just now is left alone") {
  Vigil vigil(kAnnouncements);
  const auto one = device(true);
  CHECK(vigil.due({one}, kStart).empty());
  CHECK(vigil.due({one}, kStart + 19s).empty());
  CHECK(vigil.due({one}, kStart + 20s).size() == 1);
  CHECK_FALSE(vigil.lost(one, kStart + 20s));
}

TEST_CASE("a proven device is lost when its port refuses twice") {
  Vigil vigil(kAnnouncements);
  std::size_t calls = 0;
  CHECK(lost_after(vigil, device(true), Vigil::Call::refused, &calls) == Duration(23s));
  CHECK(calls == 2);
}

TEST_CASE("silence is no refusal: two announcements have to pass") {
  Vigil vigil(kAnnouncements);
  std::size_t calls = 0;
  CHECK(lost_after(vigil, device(true), Vigil::Call::silent, &calls) == Duration(130s));
  CHECK(calls < 10);
}

TEST_CASE("a device behind a firewall that refuses was never there to be called") {
  Vigil vigil(kAnnouncements);
  CHECK(lost_after(vigil, device(false), Vigil::Call::refused) == Duration(130s));
}

TEST_CASE("without HTTPS an answer to a call shows that it can be called") {
  Vigil vigil(kAnnouncements);
  auto one = device(false);
  REQUIRE(vigil.due({one}, kStart + 20s).size() == 1);
  vigil.ended(one, Vigil::Call::answered);
  one.last_seen = kStart + 20s;
  CHECK(lost_after(vigil, one, Vigil::Call::refused) == Duration(23s));
}

TEST_CASE("a device that answers or says something begins anew") {
  Vigil vigil(kAnnouncements);
  auto one = device(true);
  REQUIRE(vigil.due({one}, kStart + 20s).size() == 1);
  vigil.ended(one, Vigil::Call::refused);
  one.last_seen = kStart + 21s;
  CHECK(vigil.due({one}, kStart + 23s).empty());
  CHECK_FALSE(vigil.lost(one, kStart + 30s));
  CHECK(lost_after(vigil, one, Vigil::Call::refused) == Duration(23s));
}

TEST_CASE("every address is tried, one after another") {
  Vigil vigil(kAnnouncements);
  const auto one = device(true, {at("10.0.0.2"), at("fe80::1")});
  const auto first = vigil.due({one}, kStart + 20s);
  REQUIRE(first.size() == 1);
  CHECK(vigil.due({one}, kStart + 30s).empty());  // still at it
  vigil.ended(one, Vigil::Call::refused);
  const auto second = vigil.due({one}, kStart + 30s);
  REQUIRE(second.size() == 1);
  CHECK(first.front().endpoint.host == "10.0.0.2");
  CHECK(second.front().endpoint.host == "fe80::1");
}

TEST_CASE("a flood of names makes a few calls at a time") {
  Vigil vigil(kAnnouncements);
  std::vector<Device> many;
  for (int i = 0; i < 1000; ++i) {
    auto one = device(false);
    one.info.fingerprint = Fingerprint("name " + std::to_string(i));
    many.push_back(one);
  }
  CHECK(vigil.due(many, kStart + 20s).size() == 8);
  CHECK(vigil.due(many, kStart + 21s).empty());
  vigil.ended(many.front(), Vigil::Call::silent);
  CHECK(vigil.due(many, kStart + 22s).size() == 1);
}
