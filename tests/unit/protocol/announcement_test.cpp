#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "vectors.hpp"

namespace lsend::protocol {
namespace {

const DeviceDefaults kDefaults{4711, Scheme::http};

/// A datagram of 1.18 with one member more, or another value for one that it has.
std::string with(std::string_view name, const nlohmann::json& value) {
  auto json = nlohmann::json::parse(vector_text("v2/announcement_app_1.18.json"));
  json[std::string{name}] = value;
  return json.dump();
}

TEST_CASE("Our datagram has the ten members that all eras read") {
  const bool wants_answer = GENERATE(true, false);
  const auto json = nlohmann::json::parse(encode_announcement({full_device_info(), wants_answer}));
  const nlohmann::json expected = {{"alias", "Gr\xC3\xBCne \"Birne\""},
                                   {"version", "2.1"},
                                   {"deviceModel", "Linux"},
                                   {"deviceType", "desktop"},
                                   {"fingerprint", std::string(64, 'A')},
                                   {"port", 53318},
                                   {"protocol", "http"},
                                   {"download", true},
                                   {"announce", wants_answer},
                                   {"announcement", wants_answer}};
  CHECK(json == expected);
  CHECK(json["port"].is_number_unsigned());
}

TEST_CASE("Our datagram comes back, but for the device type") {
  auto device = full_device_info();
  const auto read = decode_announcement(encode_announcement({device, false}), kDefaults);
  REQUIRE(read.has_value());
  CHECK_FALSE(read->wants_answer);
  device.device_type = DeviceType::desktop;
  CHECK(read->device == device);
}

TEST_CASE("A v1 datagram says no version, port or protocol") {
  const auto read = decode_announcement(vector_text("v1/announcement_seed.json"), kDefaults);
  REQUIRE(read.has_value());
  DeviceInfo expected;
  expected.alias = "Nice Orange";
  expected.device_model = "Samsung";
  expected.device_type = DeviceType::mobile;
  expected.fingerprint = Fingerprint{"random string"};
  expected.port = 4711;
  expected.protocol = Scheme::http;
  CHECK(read->device == expected);
  CHECK(read->device.version == Version{1, 0});
}

TEST_CASE("Who wants an answer") {
  struct Case {
    const char* vector;
    bool wants_answer;
  };
  const Case cases[] = {
      {"v1/announcement_seed.json", true},
      {"v1/announcement_answer_seed.json", false},
      {"v1/announcement_app_1.8.json", true},
      {"v2/announcement_app_1.17.json", true},
      {"v2/announcement_answer_app_1.17.json", false},
      {"v2/announcement_app_1.18.json", true},
  };
  for (const Case& c : cases) {
    INFO(c.vector);
    const auto read = decode_announcement(vector_text(c.vector), kDefaults);
    REQUIRE(read.has_value());
    CHECK(read->wants_answer == c.wants_answer);
  }
  const auto neither = with("announce", nullptr);
  CHECK(decode_announcement(neither, kDefaults)->wants_answer);
  CHECK_FALSE(decode_announcement(with("announce", false), kDefaults)->wants_answer);
  CHECK(decode_announcement(with("announcement", false), kDefaults)->wants_answer);
}

TEST_CASE("Datagrams that are refused") {
  struct Case {
    std::string text;
    const char* message;
  };
  const Case cases[] = {
      {with("port", 0), "malformed announcement: 'port' is not a number from 1 to 65535"},
      {with("port", -1), "malformed announcement: 'port' is not a number from 1 to 65535"},
      {with("port", 70000), "malformed announcement: 'port' is not a number from 1 to 65535"},
      {with("port", "53317"), "malformed announcement: 'port' is not a number from 1 to 65535"},
      {with("port", 53317.0), "malformed announcement: 'port' is not a number from 1 to 65535"},
      {with("protocol", "HTTPS"), "malformed announcement: 'protocol' is not 'http' or 'https'"},
      {with("alias", ""), "malformed announcement: 'alias' is empty"},
      {with("alias", nullptr), "malformed announcement: 'alias' is missing"},
      {with("alias", std::string(257, 'a')),
       "malformed announcement: 'alias' is longer than 256 bytes"},
      {with("fingerprint", nullptr), "malformed announcement: 'fingerprint' is missing"},
      {with("announce", "true"), "malformed announcement: 'announce' is not a boolean"},
      {with("announcement", 1), "malformed announcement: 'announcement' is not a boolean"},
      {"", "malformed announcement: it is not valid JSON at byte 1"},
      {"[1]", "malformed announcement: it is not a JSON object"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto read = decode_announcement(c.text, kDefaults);
    REQUIRE(read.has_error());
    CHECK(read.error() == fail(Errc::bad_request, c.message));
  }
}

}  // namespace
}  // namespace lsend::protocol
