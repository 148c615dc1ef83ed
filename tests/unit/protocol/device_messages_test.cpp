#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "vectors.hpp"

namespace lsend::protocol {
namespace {

const DeviceDefaults kDefaults{4711, Scheme::http};

TEST_CASE("Every vector of a device is read") {
  for (const Vector& vector : all_vectors()) {
    INFO(vector.name);
    if (vector.is("info")) CHECK(vector.codec().decode_info(vector.text, kDefaults).has_value());
    if (vector.is("register"))
      CHECK(vector.codec().decode_register(vector.text, kDefaults).has_value());
    if (vector.is("announcement")) CHECK(decode_announcement(vector.text, kDefaults).has_value());
  }
}

TEST_CASE("Answers name version and fingerprint, but neither port nor protocol") {
  const Codec& codec = GENERATE(std::cref(codec_v1()), std::cref(codec_v2())).get();
  const bool is_v1 = codec.name() == "v1";
  nlohmann::json expected = {{"alias", "Gr\xC3\xBCne \"Birne\""},
                             {"version", "2.1"},
                             {"deviceModel", "Linux"},
                             {"deviceType", is_v1 ? "desktop" : "headless"},
                             {"fingerprint", std::string(64, 'A')},
                             {"download", true}};
  if (!is_v1) expected["lsend"] = {{"v", 1}, {"resume", true}};
  CHECK(nlohmann::json::parse(codec.encode_info(full_device_info())) == expected);
}

TEST_CASE("register says all, and comes back") {
  const auto json = nlohmann::json::parse(codec_v2().encode_register(full_device_info()));
  CHECK(json["port"] == 53318);
  CHECK(json["protocol"] == "http");
  CHECK(json["deviceType"] == "headless");
  const auto device = codec_v2().decode_register(json.dump(), kDefaults);
  REQUIRE(device.has_value());
  CHECK(*device == full_device_info());
}

TEST_CASE("v1 peers always get a device type they know") {
  auto device = full_device_info();
  const auto word = [&](std::optional<DeviceType> type) {
    device.device_type = type;
    return nlohmann::json::parse(codec_v1().encode_register(device))["deviceType"];
  };
  CHECK(word(DeviceType::mobile) == "mobile");
  CHECK(word(DeviceType::web) == "web");
  CHECK(word(DeviceType::desktop) == "desktop");
  CHECK(word(DeviceType::headless) == "desktop");
  CHECK(word(DeviceType::server) == "desktop");
  CHECK(word(std::nullopt) == "desktop");
}

TEST_CASE("What is not said is left out in v2") {
  DeviceInfo device = full_device_info();
  device.device_model.reset();
  device.device_type.reset();
  const auto json = nlohmann::json::parse(codec_v2().encode_info(device));
  CHECK_FALSE(json.contains("deviceModel"));
  CHECK_FALSE(json.contains("deviceType"));
}

TEST_CASE("Explicit nulls of 1.17 are what 1.18 leaves out") {
  const auto device =
      codec_v2().decode_register(vector_text("v2/register_app_1.17.json"), kDefaults);
  REQUIRE(device.has_value());
  CHECK_FALSE(device->device_model);
  CHECK_FALSE(device->device_type);
  CHECK(device->version == Version{2, 1});
  const auto answer = codec_v2().decode_info(vector_text("v2/info_app_1.18.json"), kDefaults);
  REQUIRE(answer.has_value());
  CHECK(answer->port == 4711);
  CHECK(answer->protocol == Scheme::http);
  CHECK(answer->download);
}

TEST_CASE("A v1 info answer needs an alias only") {
  const auto device = codec_v1().decode_info(vector_text("v1/info_seed.json"), kDefaults);
  REQUIRE(device.has_value());
  CHECK(device->version.is_v1());
  CHECK(device->fingerprint.empty());
  const auto bad = codec_v1().decode_info(R"({"deviceType":"mobile"})", kDefaults);
  REQUIRE(bad.has_error());
  CHECK(bad.error() == fail(Errc::protocol, "malformed info answer: 'alias' is missing"));
}

TEST_CASE("A version that is no number belongs to a later app, none to an early one") {
  const auto version = [](const char* member) {
    const auto device = codec_v2().decode_register(
        std::string{R"({"alias":"a","fingerprint":"f")"} + member + "}", kDefaults);
    return device ? device->version.to_string() : device.error().message();
  };
  CHECK(version("") == "1.0");
  CHECK(version(R"(,"version":null)") == "1.0");
  CHECK(version(R"(,"version":"1.0")") == "1.0");
  CHECK(version(R"(,"version":"3.7")") == "3.7");
  CHECK(version(R"(,"version":"next")") == "2.0");
  CHECK(version(R"(,"version":2.1)") == "malformed register request: 'version' is not a text");
}

TEST_CASE("register requests that are refused") {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {R"({"fingerprint":"f"})", "'alias' is missing"},
      {R"({"alias":"a"})", "'fingerprint' is missing"},
      {R"({"alias":1,"fingerprint":"f"})", "'alias' is not a text"},
      {R"({"alias":["a"],"fingerprint":"f"})", "'alias' is not a text"},
      {R"({"alias":{"alias":"a"},"fingerprint":"f"})", "'alias' is not a text"},
      {R"({"alias":"a","fingerprint":"f","port":0})", "'port' is not a number from 1 to 65535"},
      {R"({"alias":"a","fingerprint":"f","port":{}})", "'port' is not a number from 1 to 65535"},
      {R"({"alias":"a","fingerprint":"f","download":"no"})", "'download' is not a boolean"},
      {R"({"alias":"a","fingerprint":"f"} x)", "it is not valid JSON at byte 33"},
      {R"("alias")", "it is not a JSON object"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto device = codec_v1().decode_register(c.text, kDefaults);
    REQUIRE(device.has_error());
    CHECK(device.error() ==
          fail(Errc::bad_request, std::string{"malformed register request: "} + c.message));
  }
}

TEST_CASE("Text that is no UTF-8 is written all the same") {
  DeviceInfo device = full_device_info();
  device.alias =
      "a\xFF"
      "b";
  const auto read = codec_v2().decode_register(codec_v2().encode_register(device), kDefaults);
  REQUIRE(read.has_value());
  CHECK(read->alias ==
        "a\xEF\xBF\xBD"
        "b");
}

TEST_CASE("Another lsend is known by its own member") {
  const auto ability = ability_of(R"({"alias": "a", "lsend": {"v": 1, "resume": true}})");
  REQUIRE(ability.has_value());
  CHECK_FALSE(ability->hashes);
  CHECK(ability_of(R"({"lsend": {"more": {"v": 0}, "v": 2}})").has_value());
  for (const char* other :
       {R"({"alias": "lsend"})", R"({"lsend": true})", R"({"lsend": {}})", R"({"lsend": {"v": 0}})",
        R"({"lsend": {"v": "1"}})", R"({"x": {"v": 1}})", R"({"lsend": {"v": 1})", "[]", ""})
    CHECK_FALSE(ability_of(other).has_value());
}

TEST_CASE("codec_for chooses by major version") {
  CHECK(codec_for(Version{1, 0}).name() == "v1");
  CHECK(codec_for(Version{2, 0}).name() == "v2");
  CHECK(codec_for(Version{2, 9}).name() == "v2");
  CHECK(codec_for(Version{3, 0}).name() == "v2");
}

TEST_CASE("Error bodies") {
  CHECK(encode_error("PIN \"required\"") == R"({"message":"PIN \"required\""})");
  CHECK(decode_error(encode_error("Rejected")) == "Rejected");
  CHECK(decode_error(R"({"message":5})").empty());
  CHECK(decode_error("<html>").empty());
  CHECK(decode_error("").empty());
  CHECK(decode_error(encode_error(std::string(199, 'x') + "\xC3\xBC")) == std::string(199, 'x'));
}

TEST_CASE("A refusal's words are found, whoever wrote them") {
  struct Row {
    const char* body;
    const char* type;
    const char* words;
  };
  for (const auto& row : std::initializer_list<Row>{
           {R"({"error":"Forbidden folder"})", "application/json", "Forbidden folder"},
           {R"({"error":{"code":"E7","message":"inner"}})", "", "inner"},
           {R"({"error":"Forbidden","message":"the PIN is old"})", "", "the PIN is old"},
           {R"({"data":{"reason":{"detail":"deep"}}})", "", "deep"},
           {R"({"message":"","error":"said here"})", "", "said here"},
           {R"({"title":"Too big","detail":"over 5 GB","status":413})", "", "over 5 GB"},
           {R"({"msg":"short"})", "", "short"},
           {R"({"detail":[{"msg":"field required"}]})", "",
            R"({"detail":[{"msg":"field required"}]})"},
           {R"("a text alone")", "application/json", "a text alone"},
           {"quota exceeded", "text/plain; charset=utf-8", "quota exceeded"},
           {"  quota\r\n\texceeded \n", "", "quota exceeded"},
           {"{'error': 'of a kind'}", "", "{'error': 'of a kind'}"},
           {"\x1b[2J", "text/plain", "\x1b[2J"},
           {R"({"error":"<b>no</b>"})", "application/json", ""},
           {"<!DOCTYPE html><p>no", "text/plain", ""},
           {"  <html>no", "", ""},
           {"Not Found", "text/html", ""},
           {"<?xml version='1.0'?><e/>", "application/xml", ""},
           {"\xff\xfe\x01", "", ""},
           {R"({"code":17})", "", ""},
           {"{}", "", ""},
           {"[]", "", ""},
           {"null", "", ""},
           {" \n", "", ""}}) {
    INFO(row.body << " as " << row.type);
    CHECK(decode_error(row.body, row.type) == row.words);
  }
  CHECK(decode_error(std::string("a\0b", 3)).empty());
  CHECK(decode_error(std::string(300, 'x')) == std::string(200, 'x'));
}

}  // namespace
}  // namespace lsend::protocol
