#include "catch.hpp"
#include "lsend/protocol/codec.hpp"

namespace lsend::protocol {
namespace {

TEST_CASE("The text of a clipboard request") {
  const JsonLimits limits;
  CHECK(decode_clipboard(R"({"text": "docker build -t my-app ."})", limits).value() ==
        "docker build -t my-app .");
  CHECK(
      decode_clipboard(R"({"from":{"text":"no"},"text":"\u00e4\n","more":[1]})", limits).value() ==
      "\xC3\xA4\n");
  CHECK(decode_clipboard(R"({"text":""})", limits).value().empty());
  const std::string large(limits.max_string + 1, 'x');
  CHECK(decode_clipboard("{\"text\":\"" + large + "\"}", limits).value() == large);
}

TEST_CASE("A clipboard request without a text is refused") {
  struct Case {
    std::string json;
    std::string why;
  };
  const Case cases[] = {
      {"{}", "'text' is missing"},
      {R"({"text":null})", "'text' is not a text"},
      {R"({"text":["a"]})", "'text' is not a text"},
      {R"({"text":7})", "'text' is not a text"},
      {R"({"Text":"a"})", "'text' is missing"},
      {R"("text")", "it is not a JSON object"},
      {"text=a", "it is not valid JSON at byte 1"},
  };
  for (const Case& c : cases) {
    INFO(c.json);
    const auto text = decode_clipboard(c.json, JsonLimits{});
    REQUIRE(text.has_error());
    CHECK(text.error() == fail(Errc::bad_request, "malformed clipboard request: " + c.why));
  }
  JsonLimits limits;
  limits.max_string = 4;
  limits.max_message = 8;
  CHECK(decode_clipboard(R"({"text":"12345678"})", limits).has_value());
  CHECK(decode_clipboard(R"({"text":"123456789"})", limits).has_error());
}

}  // namespace
}  // namespace lsend::protocol
