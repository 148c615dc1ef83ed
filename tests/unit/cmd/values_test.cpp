#include "cmd/values.hpp"

#include <limits>
#include <string>

#include "catch.hpp"

using namespace lsend;
using namespace lsend::cmd;

namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

std::string size_error(std::string_view text) {
  const auto size = parse_size("--max-size", text);
  REQUIRE(!size.has_value());
  CHECK(size.error().code() == Errc::usage);
  return size.error().message();
}

}  // namespace

TEST_CASE("sizes are decimal, and binary with an i") {
  struct Row {
    std::string_view text;
    std::uint64_t bytes;
  };
  const auto row =
      GENERATE(Row{"0", 0}, Row{"1500", 1500}, Row{"10k", 10'000}, Row{"10K", 10'000},
               Row{"10M", 10'000'000}, Row{"10MB", 10'000'000}, Row{"10Mi", 10'485'760},
               Row{"10MiB", 10'485'760}, Row{"1Ki", 1024}, Row{"2G", 2'000'000'000},
               Row{"1Gi", 1ULL << 30U}, Row{"1T", 1'000'000'000'000}, Row{"3Ti", 3ULL << 40U},
               Row{"1P", 1'000'000'000'000'000}, Row{"18E", 18'000'000'000'000'000'000ULL},
               Row{"15Ei", 15ULL << 60U}, Row{"7B", 7}, Row{"18446744073709551615", kMost});
  INFO(row.text);
  const auto size = parse_size("--max-size", row.text);
  REQUIRE(size.has_value());
  CHECK(*size == row.bytes);
}

TEST_CASE("what is no size is refused") {
  const auto* text =
      GENERATE("", "-1", "+1", " 1", "1 ", "1.5G", "M", "10m", "10MM", "0x10", "10iM", "1e9", "B");
  INFO(text);
  CHECK(size_error(text) == "--max-size: '" + std::string(text) +
                                "' is no size: write 1500, 10M (10^7) or 10Mi (10 * 2^20)");
}

TEST_CASE("sizes never wrap around") {
  const auto* text = GENERATE("18446744073709551616", "99999999999999999999", "19E", "16Ei",
                              "18446744073709551615k", "99999999999999999999M");
  INFO(text);
  CHECK(size_error(text) ==
        "--max-size: '" + std::string(text) + "' is too large: at most 16Ei less one byte");
}

TEST_CASE("durations") {
  struct Row {
    std::string_view text;
    std::int64_t ms;
  };
  const auto row =
      GENERATE(Row{"1ms", 1}, Row{"500ms", 500}, Row{"30s", 30'000}, Row{"30", 30'000},
               Row{"5m", 300'000}, Row{"2h", 7'200'000}, Row{"8760h", 8760LL * 3600 * 1000});
  INFO(row.text);
  const auto time = parse_duration("--timeout", row.text);
  REQUIRE(time.has_value());
  CHECK(time->count() == row.ms);
}

TEST_CASE("what is no duration is refused") {
  struct Row {
    std::string_view text;
    std::string_view why;
  };
  const auto row = GENERATE(Row{"", "is no duration: write 500ms, 30s, 5m or 2h"},
                            Row{"-5s", "is no duration: write 500ms, 30s, 5m or 2h"},
                            Row{"5d", "is no duration: write 500ms, 30s, 5m or 2h"},
                            Row{"1.5s", "is no duration: write 500ms, 30s, 5m or 2h"},
                            Row{"5 s", "is no duration: write 500ms, 30s, 5m or 2h"},
                            Row{"0", "is no time at all: at least 1ms"},
                            Row{"0ms", "is no time at all: at least 1ms"},
                            Row{"8761h", "is too long: at most 8760h"},
                            Row{"18446744073709551615h", "is too long: at most 8760h"},
                            Row{"99999999999999999999ms", "is too long: at most 8760h"});
  const auto time = parse_duration("LSEND_STALL_TIMEOUT", row.text);
  REQUIRE(!time.has_value());
  CHECK(time.error().code() == Errc::usage);
  CHECK(time.error().message() ==
        "LSEND_STALL_TIMEOUT: '" + std::string(row.text) + "' " + std::string(row.why));
}

TEST_CASE("no time at all is a time where it is the default") {
  CHECK_FALSE(parse_duration("--stall-timeout", "0").has_value());
  CHECK(parse_duration("--wait", "0", Duration(0)).value() == Duration(0));
  CHECK(parse_duration("--wait", "0s", Duration(0)).value() == Duration(0));
}

TEST_CASE("numbers stay inside their limits") {
  CHECK(*parse_number("--port", "0", 0, 65535) == 0);
  CHECK(*parse_number("--port", "65535", 0, 65535) == 65535);
  CHECK(*parse_number("--count", "18446744073709551615", 1, kMost) == kMost);
  for (const auto* text : {"65536", "-1", "", "8080x", "0x50", " 80", "99999999999999999999"}) {
    const auto port = parse_number("--port", text, 0, 65535);
    REQUIRE(!port.has_value());
    CHECK(port.error().message() ==
          "--port: '" + std::string(text) + "' is no number from 0 to 65535");
  }
  CHECK(parse_number("--count", "0", 1, kMost).error().message() ==
        "--count: '0' is no number of at least 1");
}

TEST_CASE("an error shows no control characters of a value") {
  CHECK(size_error("\x1b[31m") ==
        "--max-size: '\\x1B[31m' is no size: write 1500, 10M (10^7) or 10Mi (10 * 2^20)");
}
