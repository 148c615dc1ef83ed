#include "catch.hpp"
#include "lsend/discovery/target.hpp"

using lsend::Endpoint;
using lsend::Errc;
using lsend::Fingerprint;
using lsend::Scheme;
using lsend::discovery::Device;
using lsend::discovery::find_by_fingerprint;
using lsend::discovery::find_by_name;
using lsend::discovery::matches;

namespace {

Device device(std::string alias, std::string host, std::string_view fingerprint) {
  Device result;
  result.info.alias = std::move(alias);
  result.info.fingerprint = Fingerprint(fingerprint);
  result.endpoints.push_back({Scheme::https, std::move(host), 53317});
  return result;
}

const std::string kTail(56, '0');

std::vector<Device> devices() {
  return {
      device("Bob", "10.0.0.1", "AAAAAAAA" + kTail),
      device("Bobby", "10.0.0.2", "AAAAAAAB" + kTail),
      device("bobcat", "fe80::3%eth0", "CCCCCCCC" + kTail),
      device("Büro \x1b[31m", "10.0.0.4", ""),
      device("Twin", "10.0.0.5", "DDDDDDDD" + kTail),
      device("Twin", "10.0.0.6", "EEEEEEEE" + kTail),
  };
}

}  // namespace

TEST_CASE("find by name: an exact alias wins, then a unique prefix") {
  struct Row {
    std::string name;
    std::string host;
  };
  const std::vector<Row> rows{
      {"Bob", "10.0.0.1"},      {"bob", "10.0.0.1"},  {"BOBBY", "10.0.0.2"},
      {"bobc", "fe80::3%eth0"}, {"Bobb", "10.0.0.2"}, {"bü", "10.0.0.4"},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    const auto found = find_by_name(devices(), row.name);
    REQUIRE(found.has_value());
    CHECK(found->endpoints.front().host == row.host);
  }
}

TEST_CASE("find by name: what does not fit or fits twice is said") {
  struct Row {
    std::string name;
    Errc code;
    std::string message;
  };
  const std::vector<Row> rows{
      {"Alice", Errc::not_found,
       "no device named 'Alice' was seen; 'lsend discover' shows who is there"},
      {"Bobbys", Errc::not_found,
       "no device named 'Bobbys' was seen; 'lsend discover' shows who is there"},
      {"", Errc::not_found, "no device named '' was seen; 'lsend discover' shows who is there"},
      {"Twin", Errc::ambiguous,
       "'Twin' fits 2 devices: Twin (10.0.0.5, fp:DDDDDDDD), Twin (10.0.0.6, fp:EEEEEEEE); give "
       "more of the name, its fp:, or its address"},
      {"B", Errc::ambiguous,
       "'B' fits 4 devices: Bob (10.0.0.1, fp:AAAAAAAA), Bobby (10.0.0.2, fp:AAAAAAAB), bobcat "
       "(fe80::3%eth0, fp:CCCCCCCC), Büro \\x1B[31m (10.0.0.4); give more of the name, its fp:, "
       "or its address"},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    const auto found = find_by_name(devices(), row.name);
    REQUIRE(found.has_error());
    CHECK(found.error().code() == row.code);
    CHECK(found.error().message() == row.message);
  }
}

TEST_CASE("find by name: a long list is cut") {
  const std::vector<Device> many(20, device("Bob", "10.0.0.1", "AAAAAAAA" + kTail));
  const auto found = find_by_name(many, "Bob");
  REQUIRE(found.has_error());
  CHECK(found.error().message().find("fits 20 devices: ") != std::string::npos);
  CHECK(found.error().message().find(" and 12 more; ") != std::string::npos);
}

TEST_CASE("find by fingerprint: any unique beginning, without case") {
  struct Row {
    std::string prefix;
    std::string host;
  };
  const std::vector<Row> rows{
      {"AAAAAAAA", "10.0.0.1"},
      {"aaaaaaab", "10.0.0.2"},
      {"CCCCCCCC" + kTail, "fe80::3%eth0"},
  };
  for (const Row& row : rows) {
    INFO(row.prefix);
    const auto found = find_by_fingerprint(devices(), row.prefix);
    REQUIRE(found.has_value());
    CHECK(found->endpoints.front().host == row.host);
  }
  CHECK(find_by_fingerprint(devices(), "AAAAAAA").error().message() ==
        "'fp:AAAAAAA' fits 2 devices: Bob (10.0.0.1, fp:AAAAAAAA), Bobby (10.0.0.2, fp:AAAAAAAB); "
        "give more of the name, its fp:, or its address");
  CHECK(find_by_fingerprint(devices(), "12345678").error().message() ==
        "no device with the fingerprint 'fp:12345678' was seen; 'lsend discover' shows who is "
        "there");
  CHECK(find_by_fingerprint(devices(), "").error().code() == Errc::not_found);
}

TEST_CASE("matches: a part of the alias, a glob, an address, a fingerprint") {
  Device phone = device("Büro Phone 2", "192.168.1.20", "ABCDEF01" + kTail);
  phone.endpoints.push_back({Scheme::https, "fe80::20%eth0", 53317});
  struct Row {
    std::string pattern;
    bool fits;
  };
  const std::vector<Row> rows{
      {"", true},
      {"phone", true},
      {"o Ph", true},
      {"phones", false},
      {"*", true},
      {"büro*", true},
      {"b?ro*", true},
      {"?????*", true},
      {"B??ro*", false},
      {"*phone", false},
      {"*phone ?", true},
      {"*p*o*e*2*", true},
      {"phone*", false},
      {"??????????????", false},
      {"192.168.1.20", true},
      {"192.168.1.2", false},
      {"192.168.1.*", true},
      {"192.168.2.*", false},
      {"FE80::20%ETH0", true},
      {"fp:abcdef01", true},
      {"FP:ABC", true},
      {"fp:abcdef02", false},
      {"fp:", false},
  };
  for (const Row& row : rows) {
    INFO(row.pattern);
    CHECK(matches(phone, row.pattern) == row.fits);
  }
}

TEST_CASE("matches: many stars end in time") {
  const Device phone = device(std::string(256, 'a'), "10.0.0.1", "");
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "a*";
  CHECK(matches(phone, pattern));
  CHECK_FALSE(matches(phone, pattern + "b"));
}
