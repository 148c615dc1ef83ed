#include "lsend/discovery/device_table.hpp"

#include "catch.hpp"

using lsend::DeviceInfo;
using lsend::Duration;
using lsend::Endpoint;
using lsend::Fingerprint;
using lsend::Scheme;
using lsend::TimePoint;
using lsend::discovery::Device;
using lsend::discovery::DeviceTable;
using Change = lsend::discovery::DeviceTable::Change;

namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};
const Fingerprint kOwn(std::string(64, 'F'));

TimePoint at(int seconds) { return kStart + std::chrono::seconds(seconds); }

DeviceInfo info(std::string alias, std::string_view fingerprint) {
  DeviceInfo result;
  result.alias = std::move(alias);
  result.version = lsend::kOurVersion;
  result.fingerprint = Fingerprint(fingerprint);
  return result;
}

Endpoint https(int number) {
  return {Scheme::https, "10.0.0." + std::to_string(number), lsend::kDefaultPort};
}

std::vector<std::string> aliases(const DeviceTable& table) {
  std::vector<std::string> result;
  for (const Device& device : table.devices()) result.push_back(device.info.alias);
  return result;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("device table: one entry a fingerprint, the latest address first") {
  DeviceTable table(10, kOwn);
  CHECK(table.update(info("Bob", "AA"), https(1), false, at(0)) == Change::added);
  CHECK(table.update(info("Bob", "aa"), https(1), false, at(1)) == Change::unchanged);
  CHECK(table.update(info("Bob", "AA"), https(2), false, at(2)) == Change::updated);
  // Two interfaces that announce in turn are no news.
  CHECK(table.update(info("Bob", "AA"), https(1), false, at(3)) == Change::unchanged);
  CHECK(table.update(info("Rob", "AA"), https(1), false, at(4)) == Change::updated);
  REQUIRE(table.size() == 1);
  const auto device = table.find(Fingerprint("AA"));
  REQUIRE(device);
  CHECK(device->info.alias == "Rob");
  CHECK(device->endpoints == std::vector<Endpoint>{https(1), https(2)});
  CHECK(device->last_seen == at(4));
  CHECK_FALSE(device->verified);
  CHECK_FALSE(table.find(Fingerprint("AB")));
  CHECK_FALSE(table.find(Fingerprint()));
}

TEST_CASE("device table: we are not in it") {
  DeviceTable table(10, kOwn);
  CHECK(table.update(info("Me", std::string(64, 'f')), https(1), false, at(0)) ==
        Change::unchanged);
  CHECK(table.size() == 0);
}

TEST_CASE("device table: devices without a fingerprint are told apart by their address") {
  DeviceTable table(10, Fingerprint());
  CHECK(table.update(info("Old", ""), https(1), false, at(0)) == Change::added);
  CHECK(table.update(info("Old", ""), https(2), false, at(0)) == Change::added);
  CHECK(table.update(info("Older", ""), https(2), false, at(0)) == Change::updated);
  CHECK(table.update(info("Liar", "address 10.0.0.1:53317 10.0.0.1"), https(3), false, at(0)) ==
        Change::added);
  CHECK(aliases(table) == Names{"Old", "Older", "Liar"});
}

TEST_CASE("device table: at most eight addresses") {
  const bool verified = GENERATE(false, true);
  DeviceTable table(10, kOwn);
  for (int i = 1; i <= 50; ++i) table.update(info("Bob", "AA"), https(i), verified, at(i));
  const auto device = table.find(Fingerprint("AA"));
  REQUIRE(device);
  CHECK(device->endpoints.size() == 8);
  CHECK(device->endpoints.front() == https(50));
  CHECK(device->endpoints.back() == https(43));
}

TEST_CASE("device table: nobody speaks for a verified device") {
  DeviceTable table(10, kOwn);
  table.update(info("Bob", "AA"), https(1), true, at(0));
  const Endpoint http{Scheme::http, "10.0.0.1", lsend::kDefaultPort};
  struct Row {
    DeviceInfo info;
    Endpoint from;
    Change change;
    std::vector<Endpoint> endpoints;
  };
  const std::vector<Row> rows{
      {info("Mallory", "AA"), https(1), Change::unchanged, {https(1)}},
      {info("Mallory", "AA"), https(2), Change::updated, {https(1), https(2)}},
      {info("Bob", "AA"), https(2), Change::unchanged, {https(1), https(2)}},
      {info("Bob", "AA"), http, Change::unchanged, {https(1), https(2)}},
  };
  for (const Row& row : rows) {
    INFO(row.info.alias << " from " << row.from.url());
    CHECK(table.update(row.info, row.from, false, at(1)) == row.change);
    const auto device = table.find(Fingerprint("AA"));
    REQUIRE(device);
    CHECK(device->info.alias == "Bob");
    CHECK(device->verified);
    CHECK(device->endpoints == row.endpoints);
  }
  SECTION("claims never push a proven address out") {
    for (int i = 3; i < 50; ++i) table.update(info("Bob", "AA"), https(i), false, at(2));
    const auto device = table.find(Fingerprint("AA"));
    CHECK(device->endpoints.size() == 8);
    CHECK(device->endpoints.front() == https(1));
  }
  SECTION("the device itself may change its mind") {
    CHECK(table.update(info("Rob", "AA"), https(2), true, at(3)) == Change::updated);
    const auto device = table.find(Fingerprint("AA"));
    CHECK(device->info.alias == "Rob");
    CHECK(device->endpoints == std::vector<Endpoint>{https(2), https(1)});
  }
}

TEST_CASE("device table: a proof replaces what was claimed") {
  DeviceTable table(10, kOwn);
  table.update(info("Mallory", "AA"), https(6), false, at(0));
  CHECK(table.update(info("Bob", "AA"), https(1), true, at(1)) == Change::updated);
  CHECK(table.update(info("Bob", "AA"), https(1), true, at(2)) == Change::unchanged);
  const auto device = table.find(Fingerprint("AA"));
  REQUIRE(device);
  CHECK(device->info.alias == "Bob");
  CHECK(device->verified);
  CHECK(device->endpoints.front() == https(1));
}

TEST_CASE("device table: the longest unseen leaves a full table") {
  DeviceTable table(3, kOwn);
  table.update(info("a", "01"), https(1), false, at(0));
  table.update(info("b", "02"), https(2), false, at(1));
  table.update(info("c", "03"), https(3), false, at(2));
  table.update(info("a", "01"), https(1), false, at(3));
  CHECK(table.update(info("d", "04"), https(4), false, at(4)) == Change::added);
  CHECK(aliases(table) == Names{"a", "c", "d"});
  CHECK_FALSE(table.find(Fingerprint("02")));
  CHECK(table.evicted() == 1);
  CHECK(table.update(info("b", "02"), https(2), false, at(5)) == Change::added);
  CHECK(aliases(table) == Names{"a", "d", "b"});
}

TEST_CASE("device table: a flood of invented devices does not push out verified ones") {
  DeviceTable table(200, kOwn);
  table.update(info("Bob", "AA"), https(1), true, at(0));
  for (int i = 0; i < 10'000; ++i) {
    table.update(info("x", std::to_string(100'000 + i)), https(i % 250), false, at(1));
  }
  CHECK(table.size() == 200);
  CHECK(table.evicted() == 9801);
  CHECK(table.find(Fingerprint("AA")));
}

TEST_CASE("device table: verified devices leave when there are no others") {
  DeviceTable table(2, kOwn);
  table.update(info("a", "01"), https(1), true, at(0));
  table.update(info("b", "02"), https(2), true, at(1));
  table.update(info("c", "03"), https(3), true, at(2));
  CHECK(aliases(table) == Names{"b", "c"});
}

TEST_CASE("device table: a copied certificate shows by another alias at another address") {
  const std::string print(64, 'A');
  DeviceTable table(10, kOwn);
  table.update(info("Bob", print), https(1), true, at(0));
  const auto original = table.original_of(info("Rob", print), https(2), at(30));
  REQUIRE(original.has_value());
  CHECK(original->info.alias == "Bob");
  // A second address of one device, a new name at the old address, and a move long after are usual.
  CHECK_FALSE(table.original_of(info("Bob", print), https(2), at(30)).has_value());
  CHECK_FALSE(table.original_of(info("Rob", print), https(1), at(30)).has_value());
  CHECK_FALSE(table.original_of(info("Rob", print), https(2), at(90)).has_value());
  CHECK_FALSE(table.original_of(info("Rob", "text"), https(2), at(30)).has_value());
}
