#include "lsend/identity/known_devices.hpp"

#include "catch.hpp"

using namespace lsend;
using namespace lsend::identity;

namespace {

Fingerprint print(char digit) { return Fingerprint(std::string(64, digit)); }

Endpoint at(std::string host, std::uint16_t port = 53317) {
  Endpoint endpoint;
  endpoint.host = std::move(host);
  endpoint.port = port;
  return endpoint;
}

FileTime day(int number) { return FileTime(std::chrono::hours(24 * number)); }

/// A: seen, at .1; B: trusted, at .2, "Bob" to us; C: blocked, at .3.
KnownDevices three() {
  KnownDevices known;
  known.met(print('A'), "Anna", at("10.0.0.1"), day(1));
  known.met(print('B'), "Laptop", at("10.0.0.2"), day(2));
  known.set_state(print('B'), TrustState::trusted, day(2));
  REQUIRE(known.rename(print('B'), "Bob").has_value());
  known.met(print('C'), "Carl", at("10.0.0.3"), day(3));
  known.set_state(print('C'), TrustState::blocked, day(3));
  return known;
}

}  // namespace

TEST_CASE("Standing: fingerprint first, then alias and address") {
  struct Row {
    const char* what;
    Fingerprint proven;
    const char* alias;
    Endpoint endpoint;
    Standing expected;
  };
  const auto row = GENERATE(
      Row{"a stranger", print('D'), "Dora", at("10.0.0.9"), Standing::fresh},
      Row{"a stranger without a name", print('D'), "", at("10.0.0.9"), Standing::fresh},
      Row{"a seen device", print('A'), "Anna", at("10.0.0.1"), Standing::seen},
      Row{"a seen device that moved and was renamed", print('A'), "Ann", at("10.0.0.8"),
          Standing::seen},
      Row{"a seen device with another's alias", print('A'), "Laptop", at("10.0.0.2"),
          Standing::seen},
      Row{"a trusted device", print('B'), "Laptop", at("10.0.0.2"), Standing::trusted},
      Row{"a blocked device", print('C'), "Carl", at("10.0.0.3"), Standing::blocked},
      Row{"a known alias, another certificate", print('D'), "Anna", at("10.0.0.9"),
          Standing::changed},
      Row{"our own name for a device, another certificate", print('D'), "Bob", at("10.0.0.9"),
          Standing::changed},
      Row{"a known address, another certificate", print('D'), "Dora", at("10.0.0.1"),
          Standing::changed},
      Row{"another port of a known host", print('D'), "Dora", at("10.0.0.1", 53318),
          Standing::fresh},
      Row{"a known alias, no proof", Fingerprint(), "Anna", at("10.0.0.9"), Standing::changed},
      Row{"a known address, no proof", Fingerprint(), "Dora", at("10.0.0.2"), Standing::changed},
      Row{"no proof, nothing known", Fingerprint(), "Dora", at("10.0.0.9"), Standing::fresh},
      Row{"the alias of a blocked device", print('D'), "Carl", at("10.0.0.9"), Standing::fresh},
      Row{"the address of a blocked device", print('D'), "Dora", at("10.0.0.3"), Standing::fresh});
  INFO(row.what);
  CHECK(three().standing(row.proven, row.alias, row.endpoint) == row.expected);
}

TEST_CASE("Known devices are found by the beginning of their fingerprint and by their names") {
  const auto known = three();
  CHECK(known.by_fingerprint("aaaaaaaa").size() == 1);
  CHECK(known.by_fingerprint("").empty());
  CHECK(known.by_fingerprint("D").empty());
  CHECK(known.by_name("Bob").size() == 1);
  CHECK(known.by_name("Laptop").size() == 1);
  CHECK(known.by_name("laptop").size() == 1);
  CHECK(known.by_name("Lap").empty());
  CHECK(known.by_name("").empty());
  REQUIRE(known.at("10.0.0.2", 53317) != nullptr);
  CHECK(known.at("10.0.0.2", 53317)->fingerprint == print('B'));
  CHECK(known.at("10.0.0.2", 1) == nullptr);
}

TEST_CASE("An exact name wins over one in another case") {
  KnownDevices known;
  known.met(print('A'), "pixel", at("10.0.0.1"), day(1));
  known.met(print('B'), "Pixel", at("10.0.0.2"), day(1));
  REQUIRE(known.by_name("Pixel").size() == 1);
  CHECK(known.by_name("Pixel").front()->fingerprint == print('B'));
  CHECK(known.by_name("PIXEL").size() == 2);
}

TEST_CASE("A meeting brings a record up to date") {
  auto known = three();
  known.met(print('A'), "Annabel", at("10.0.0.7"), day(9));
  const auto* anna = known.find(print('A'));
  REQUIRE(anna != nullptr);
  CHECK(anna->alias == "Annabel");
  CHECK(anna->first_seen == day(1));
  CHECK(anna->last_seen == day(9));
  CHECK(anna->endpoints == std::vector<Endpoint>{at("10.0.0.7"), at("10.0.0.1")});

  // Its address goes to another device: the old owner is not looked for there any more.
  known.met(print('D'), "Dora", at("10.0.0.7"), day(10));
  CHECK(known.find(print('A'))->endpoints == std::vector<Endpoint>{at("10.0.0.1")});
  CHECK(known.at("10.0.0.7", 53317)->fingerprint == print('D'));

  // Who gives no name keeps the one that it had; what our user chose is never touched.
  known.met(print('B'), "", at("10.0.0.2"), day(11));
  CHECK(known.find(print('B'))->alias == "Laptop");
  CHECK(known.find(print('B'))->name == "Bob");
  CHECK(known.find(print('B'))->state == TrustState::trusted);
}

TEST_CASE("Only news are worth a write") {
  const auto known = three();
  const auto soon = day(1) + std::chrono::minutes(59);
  CHECK_FALSE(known.is_news(print('A'), "Anna", at("10.0.0.1"), soon));
  CHECK_FALSE(known.is_news(print('A'), "", at("10.0.0.1"), soon));
  CHECK(known.is_news(print('A'), "Ann", at("10.0.0.1"), soon));
  CHECK(known.is_news(print('A'), "Anna", at("10.0.0.9"), soon));
  CHECK(known.is_news(print('A'), "Anna", at("10.0.0.1"), day(2)));
  CHECK(known.is_news(print('A'), "Anna", at("10.0.0.1"), day(0)));
  CHECK(known.is_news(print('D'), "Dora", at("10.0.0.9"), soon));
}

TEST_CASE("What proves nothing is never recorded") {
  KnownDevices known;
  auto plain = at("10.0.0.1");
  plain.scheme = Scheme::http;
  known.met(print('A'), "Anna", plain, day(1));
  known.met(Fingerprint("some text"), "Anna", at("10.0.0.1"), day(1));
  known.met(Fingerprint(), "Anna", at("10.0.0.1"), day(1));
  known.set_state(Fingerprint("ABCD"), TrustState::trusted, day(1));
  CHECK(known.all().empty());
}

TEST_CASE("Records are bounded") {
  KnownDevices known;
  for (std::uint16_t port = 1; port <= 20; ++port)
    known.met(print('A'), std::string(5000, 'x'), at("10.0.0.1", port), day(port));
  CHECK(known.find(print('A'))->endpoints.size() == KnownDevices::kMostEndpoints);
  CHECK(known.find(print('A'))->endpoints.front().port == 20);
  CHECK(known.find(print('A'))->alias.size() == KnownDevices::kLongestAlias);

  known.set_state(print('A'), TrustState::trusted, day(1));
  const auto numbered = [](std::size_t number) {
    auto text = std::to_string(number);
    return Fingerprint(std::string(64 - text.size(), '0') + text);
  };
  for (std::size_t i = 0; i < KnownDevices::kMostSeen + 3; ++i)
    known.met(numbered(i), "Device", at("10.1.0.1", static_cast<std::uint16_t>(i + 1)),
              day(static_cast<int>(i) + 100));
  CHECK(known.all().size() == KnownDevices::kMostSeen + 1);
  CHECK(known.find(print('A')) != nullptr);
  CHECK(known.find(numbered(2)) == nullptr);
  CHECK(known.find(numbered(3)) != nullptr);
}

TEST_CASE("States and names are changed by name only where nobody is confused") {
  auto known = three();
  known.set_state(print('E'), TrustState::trusted, day(5));
  REQUIRE(known.find(print('E')) != nullptr);
  CHECK(known.find(print('E'))->endpoints.empty());
  CHECK(known.rename(print('E'), "Eva").has_value());
  CHECK(known.find(print('E'))->shown_name() == "Eva");
  const auto taken = known.rename(print('E'), "Anna");
  REQUIRE(taken.has_error());
  CHECK(taken.error().message() ==
        "'Anna' is the name of fp:AAAAAAAA already; choose another or rename that device first");
  CHECK(known.rename(print('A'), "Anna").has_value());
  CHECK(known.rename(print('F'), "Frank").error().code() == Errc::not_found);
  CHECK(known.forget(print('A')));
  CHECK_FALSE(known.forget(print('A')));
  CHECK(known.standing(print('D'), "Anna", at("10.0.0.9")) == Standing::fresh);
}

TEST_CASE("Known devices survive their file") {
  const auto known = three();
  const auto again = KnownDevices::parse(known.to_json());
  REQUIRE(again.has_value());
  CHECK(*again == known);
  const auto none = KnownDevices::parse(KnownDevices().to_json());
  REQUIRE(none.has_value());
  CHECK(none->all().empty());
}

TEST_CASE("The file of known devices: what is damaged is refused as a whole") {
  const std::string a(64, 'A');
  struct Row {
    std::string text;
    const char* clause;
  };
  const auto row = GENERATE_COPY(
      Row{"", "it is no JSON object"}, Row{"[]", "it is no JSON object"},
      Row{"{\"format\": 1, \"devices\": [", "it is no JSON object"},
      Row{std::string("{}\0{}", 5), "it has a NUL in it"}, Row{"{}", "it has no number 'format'"},
      Row{"{\"format\": 2, \"devices\": []}", "another version of lsend wrote it"},
      Row{"{\"format\": 1}", "it has no list 'devices'"},
      Row{"{\"format\": 1, \"devices\": [3]}", "a device in it is no object"},
      Row{"{\"format\": 1, \"devices\": [{\"fingerprint\": \"AB\", \"state\": \"seen\"}]}",
          "a device in it has no fingerprint of 64 hex digits"},
      Row{"{\"format\": 1, \"devices\": [{\"fingerprint\": \"" + a + "\", \"state\": \"best\"}]}",
          "fp:AAAAAAAA is neither seen nor trusted nor blocked"},
      Row{"{\"format\": 1, \"devices\": [{\"fingerprint\": \"" + a +
              "\", \"state\": \"seen\"}, {\"fingerprint\": \"" + a + "\", \"state\": \"seen\"}]}",
          "fp:AAAAAAAA is in it twice"});
  const auto known = KnownDevices::parse(row.text);
  REQUIRE(known.has_error());
  CHECK(known.error().code() == Errc::identity);
  CHECK(known.error().message() == row.clause);
}

TEST_CASE("The file of known devices: members that are new or odd are passed over") {
  const auto known = KnownDevices::parse(
      R"({"format": 1, "more": {}, "devices": [{"fingerprint": ")" + std::string(64, 'a') +
      R"(", "state": "trusted", "alias": 7, "colour": "red", "last_seen": "yesterday",
         "addresses": [{"host": "10.0.0.1", "port": 0}, {"host": "10.0.0.1", "port": 70000},
                       {"port": 5}, 9, {"host": "10.0.0.1", "port": 5, "x": 1}]}]})");
  REQUIRE(known.has_value());
  REQUIRE(known->all().size() == 1);
  const auto& device = known->all().front();
  CHECK(device.fingerprint == print('A'));
  CHECK(device.alias.empty());
  CHECK(device.last_seen == FileTime());
  CHECK(device.endpoints == std::vector<Endpoint>{at("10.0.0.1", 5)});
}
