#include "catch.hpp"
#include "vectors.hpp"

namespace lsend::protocol {
namespace {

const DeviceDefaults kDefaults;
const std::string kBegin = R"({"alias":"a","fingerprint":"f","x":)";

std::string repeat(std::string_view text, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

std::string why(const std::string& text) {
  const auto read = codec_v2().decode_register(text, kDefaults);
  return read ? "read" : read.error().message();
}

TEST_CASE("Unknown members are passed over, whatever they are") {
  for (const char* value : {"1", "-1", "1.5e3", "null", "true", "\"x\"", "[]", "{}",
                            R"([{"alias":5},[["fingerprint"]]])", R"({"alias":5,"port":"x"})"}) {
    INFO(value);
    CHECK(why(kBegin + value + "}") == "read");
    CHECK(why("{\"x\":" + std::string{value} + R"(,"alias":"a","fingerprint":"f"})") == "read");
  }
}

TEST_CASE("Depth has a limit") {
  const std::string too_deep = "malformed register request: it is nested deeper than 32 levels";
  CHECK(why(kBegin + repeat("[", 31) + repeat("]", 31) + "}") == "read");
  CHECK(why(kBegin + repeat("[", 32) + repeat("]", 32) + "}") == too_deep);
  CHECK(why(kBegin + repeat("{\"y\":", 31) + "1" + repeat("}", 31) + "}") == "read");
  CHECK(why(kBegin + repeat("{\"y\":", 32) + "1" + repeat("}", 32) + "}") == too_deep);
  CHECK(why(kBegin + repeat("[", 200'000)) == too_deep);
  CHECK(why(repeat("{\"info\":", 200'000)) == too_deep);
  CHECK(why(repeat("[", 200'000)) == "malformed register request: it is not a JSON object");
}

TEST_CASE("Texts have a limit, names as well") {
  const std::string too_long =
      "malformed register request: a text in it is longer than 65536 bytes";
  CHECK(why(kBegin + '"' + std::string(65536, 'y') + "\"}") == "read");
  CHECK(why(kBegin + '"' + std::string(65537, 'y') + "\"}") == too_long);
  CHECK(why(kBegin + "[\"" + std::string(65537, 'y') + "\"]}") == too_long);
  CHECK(why(kBegin + "{\"" + std::string(65537, 'y') + "\":1}}") == too_long);
}

TEST_CASE("Text that is not one JSON object in UTF-8 is refused") {
  for (const std::string& bad :
       {std::string{""}, std::string{"{"}, std::string{"null"}, std::string{"5"}, kBegin + "NaN}",
        kBegin + "1e400}", kBegin + "01}", kBegin + "1,}", kBegin + "1}}", kBegin + "1} {}",
        kBegin + "1 /* why */}", kBegin + "'x'}", kBegin + "\"\xFF\"}", kBegin + "\"\xC0\xAE\"}",
        kBegin + "\"\\ud800\"}", kBegin + "\"a\nb\"}", "\xEF\xBB\xBF" + kBegin + "1}",
        kBegin + "1}" + std::string(1, '\0')}) {
    INFO(bad);
    CHECK(why(bad) != "read");
  }
}

TEST_CASE("Nothing hides behind a NUL or a byte order mark") {
  CHECK(why(kBegin + "1}" + std::string(1, '\0') + "x") ==
        "malformed register request: it has a NUL in it");
  CHECK(why("\xEF\xBB\xBF" + kBegin + "1}") ==
        "malformed register request: it begins with a byte order mark");
}

TEST_CASE("Only whole numbers that are not negative are sizes") {
  const auto size = [](const std::string& number) {
    const auto read = codec_v2().decode_prepare_upload(
        R"({"info":{"alias":"a"},"files":{"f":{"id":"f","fileName":"n","fileType":"t","size":)" +
            number + "}}}",
        kDefaults, JsonLimits{});
    return read ? std::to_string(read->files.front().size) : "refused";
  };
  CHECK(size("0") == "0");
  CHECK(size("9223372036854775807") == "9223372036854775807");
  CHECK(size("9223372036854775808") == "9223372036854775808");
  CHECK(size("18446744073709551615") == "18446744073709551615");
  for (const char* other : {"18446744073709551616", "-0", "-1", "-9223372036854775808", "1.0",
                            "1e2", "0.0", "-0.0", "1E400", "true", "\"1\"", "+1", ".5", "0x1"}) {
    INFO(other);
    CHECK(size(other) == "refused");
  }
}

TEST_CASE("Texts are what their escapes say, however long") {
  const auto alias = [](const std::string& text) {
    const auto read = codec_v2().decode_register(
        R"({"\u0061lias":")" + text + R"(","fingerprint":"f"})", kDefaults);
    return read ? read->alias : "refused: " + read.error().message();
  };
  CHECK(alias(R"(\"\\\/\b\f\n\r\t)") == "\"\\/\b\f\n\r\t");
  CHECK(alias(R"(\u00e9\u20ac\ud83d\ude00)") == "\u00e9\u20ac\U0001f600");
  CHECK(alias(R"(a\nb)" + std::string(200, 'y') + R"(\tz)") ==
        "a\nb" + std::string(200, 'y') + "\tz");
  CHECK(alias("") == "refused: malformed register request: 'alias' is empty");
  for (const char* bad : {R"(\x)", R"(\u12g4)", R"(\ude00)", R"(\ud83dx)", R"(\ud83d\u0041)"}) {
    INFO(bad);
    CHECK(alias(bad).starts_with("refused: malformed register request: it is not valid JSON"));
  }
  CHECK(alias(repeat(R"(\u0041)", 257)).starts_with("refused: "));
}

TEST_CASE("The last of two equal names counts") {
  const auto read = codec_v2().decode_register(
      R"({"alias":"first","fingerprint":"f","alias":"last"})", kDefaults);
  REQUIRE(read.has_value());
  CHECK(read->alias == "last");
}

}  // namespace
}  // namespace lsend::protocol
