#include "cmd/values.hpp"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
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

namespace {

/// A file with that in it, and what becomes of it as a PIN: the PIN, or "!" and the error.
std::string pin_of(const std::string& content) {
  auto name = (std::filesystem::temp_directory_path() / "pin-XXXXXX").string();
  const int fd = ::mkstemp(name.data());
  REQUIRE(::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  ::close(fd);
  const auto pin = read_pin_file("--pin-file", name);
  std::filesystem::remove(name);
  if (pin) return *pin;
  CHECK(pin.error().code() == Errc::usage);
  const auto beginning = "--pin-file: '" + name + "' ";
  CHECK(pin.error().message().starts_with(beginning));
  return "!" + pin.error().message().substr(beginning.size());
}

}  // namespace

TEST_CASE("a PIN file is the PIN, whatever system wrote it") {
  const std::string mark = "\xEF\xBB\xBF";
  for (const std::string content :
       {"12 34", "12 34\n", "12 34\r\n", "12 34\r", "12 34\n\n", "\xEF\xBB\xBF" "12 34\r\n\r\n"})
    CHECK(pin_of(content) == "12 34");
  CHECK(pin_of(mark + "\u00e4") == "\u00e4");
  CHECK(pin_of(std::string(1024, '1')).size() == 1024);
}

TEST_CASE("a PIN file that would count as a wrong try is an error") {
  CHECK(pin_of("") == "!has no PIN in its first line");
  CHECK(pin_of("\xEF\xBB\xBF\r\n") == "!has no PIN in its first line");
  CHECK(pin_of("  \n") == "!has no PIN in its first line");
  CHECK(pin_of("12\n34\n") == "12");
  CHECK(pin_of("\n12\n") == "!has no PIN in its first line");
  const std::string blanks =
      "!has blanks before or behind the PIN, and they would count: remove them";
  CHECK(pin_of(" 12\n") == blanks);
  CHECK(pin_of("12 \r\n") == blanks);
  CHECK(pin_of("12\t") == blanks);
  CHECK(pin_of(std::string("1\0" "2\n", 4)) == "!has a NUL in it");
  CHECK(pin_of(std::string("\xFF\xFE" "1\0", 4)) == "!is UTF-16 text: save it as UTF-8");
  CHECK(pin_of("12\xFF\n") == "!is no UTF-8 text");
  CHECK(pin_of(std::string(2000, '1')) == "!is too long for a PIN: 1024 bytes at most");
  CHECK(read_pin_file("--pin-file", "/tmp").error().message() == "--pin-file: '/tmp' is a folder");
  CHECK(read_pin_file("--pin-file", "/dev/null").error().message() ==
        "--pin-file: '/dev/null' is no file: a PIN comes from a file, from <(COMMAND) or from the "
        "environment");
  CHECK(read_pin_file("--pin-file", "/nowhere/x").error().message() ==
        "--pin-file: '/nowhere/x' cannot be read: No such file or directory");
}

TEST_CASE("a PIN may come from a command, and from no FIFO that waits for somebody") {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(::write(ends[1], "12\n", 3) == 3);
  ::close(ends[1]);
  const auto pin = read_pin_file("--pin-file", "/proc/self/fd/" + std::to_string(ends[0]));
  ::close(ends[0]);
  REQUIRE(pin.has_value());
  CHECK(*pin == "12");
  const auto fifo =
      (std::filesystem::temp_directory_path() / ("pin-" + std::to_string(::getpid()))).string();
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const auto waits = read_pin_file("--pin-file", fifo);
  std::filesystem::remove(fifo);
  REQUIRE_FALSE(waits.has_value());
  CHECK(waits.error().message().find("' is no file: ") != std::string::npos);
}

TEST_CASE("'~' in front of a path is a home folder") {
  const char* before = std::getenv("HOME");
  const std::string kept = before ? before : "";
  REQUIRE(::setenv("HOME", "/home/me", 1) == 0);
  struct Row {
    std::string text, path;
  };
  for (const auto& row :
       {Row{"~", "/home/me"}, Row{"~/", "/home/me"}, Row{"~/a/~", "/home/me/a/~"},
        Row{"~//a", "/home/me/a"}, Row{"./~", "./~"}, Row{"a/~/b", "a/~/b"}, Row{"/x", "/x"},
        Row{"~root", "/root"}, Row{"~root/a b", "/root/a b"}}) {
    INFO(row.text);
    CHECK(parse_path("--dir", row.text).value() == row.path);
  }
  CHECK(parse_path("--dir", "~nobody-at-all/x").error().message() ==
        "--dir: '~nobody-at-all/x' is below the home folder of the user 'nobody-at-all', and there "
        "is none: './~' stands for a name with '~'");
  CHECK(parse_path("--dir", "").error().message() == "--dir: a path is missing");
  ::setenv("HOME", kept.c_str(), 1);
}

TEST_CASE("an error shows no control characters of a value") {
  CHECK(size_error("\x1b[31m") ==
        "--max-size: '\\x1B[31m' is no size: write 1500, 10M (10^7) or 10Mi (10 * 2^20)");
}
