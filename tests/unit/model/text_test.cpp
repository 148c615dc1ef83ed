#include "lsend/model/text.hpp"

#include <limits>

#include "catch.hpp"

namespace lsend {
namespace {

TEST_CASE("Peer text is escaped for terminals") {
  struct Case {
    std::string text;
    std::string shown;
  };
  const Case cases[] = {
      {"", ""},
      {"plain text, C:\\x", "plain text, C:\\x"},
      {"Gr\xC3\xBC\xC3\x9F \xF0\x9F\x8D\x8B", "Gr\xC3\xBC\xC3\x9F \xF0\x9F\x8D\x8B"},
      {"\x1B]0;title\x07", "\\x1B]0;title\\x07"},
      {"a\nb\r\tc", "a\\x0Ab\\x0D\\x09c"},
      {std::string("a\0b", 3), "a\\x00b"},
      {"\x7F", "\\x7F"},
      {"\xC2\x9B"
       "31m",
       "\\u{009B}31m"},
      {"\xE2\x80\xAE"
       "gpj.exe",
       "\\u{202E}gpj.exe"},
      {"\xE2\x81\xA6", "\\u{2066}"},
      {"\xE2\x80\xA8", "\\u{2028}"},
      {"\xE2\x80\x8B\xEF\xBB\xBF", "\\u{200B}\\u{FEFF}"},
      {"\xF3\xA0\x81\x81", "\\u{E0041}"},
      {"\xC0\xAE\xFF", "\\xC0\\xAE\\xFF"},
      {"\xED\xA0\x80", "\\xED\\xA0\\x80"},
      {"cut \xE2\x82", "cut \\xE2\\x82"},
  };
  for (const Case& c : cases) {
    INFO(c.shown);
    CHECK(escape_for_terminal(c.text) == c.shown);
    CHECK(escape_for_terminal(escape_for_terminal(c.text)) == c.shown);
  }
}

TEST_CASE("Escaped text is cut between characters") {
  CHECK(escape_for_terminal("123456789", 9) == "123456789");
  CHECK(escape_for_terminal("1234567890", 9) == "123456...");
  CHECK(escape_for_terminal("12345\xC3\xBC"
                            "7890",
                            9) == "12345...");
  CHECK(escape_for_terminal("12345\x1B"
                            "7890",
                            9) == "12345...");
  CHECK(escape_for_terminal("1234", 2) == "..");
  CHECK(escape_for_terminal("1234", 0).empty());
  CHECK(escape_for_terminal(std::string(1'000'000, '\x1B')).size() <= 256);
}

TEST_CASE("UTF-8 is checked by RFC 3629") {
  for (const char* good : {"", "abc", "\xC3\xBC", "\xE2\x82\xAC", "\xF4\x8F\xBF\xBF"}) {
    CHECK(is_utf8(good));
    CHECK(to_utf8(good) == good);
  }
  for (const char* bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC3", "\xE2\x82", "a\xFF"}) {
    CHECK_FALSE(is_utf8(bad));
    CHECK(is_utf8(to_utf8(bad)));
  }
  CHECK(to_utf8("a\xFF"
                "b") ==
        "a\xEF\xBF\xBD"
        "b");
}

TEST_CASE("UTF-8 is cut between characters") {
  CHECK(cut_utf8("abc", 3) == "abc");
  CHECK(cut_utf8("abcd", 3) == "abc");
  CHECK(cut_utf8("ab\xC3\xBC", 3) == "ab");
  CHECK(cut_utf8("\xF0\x9F\x8D\x8B", 3).empty());
  CHECK(cut_utf8("\xF0\x9F\x8D\x8Bx", 4) == "\xF0\x9F\x8D\x8B");
  CHECK(cut_utf8(std::string(100, '\x80'), 50).size() == 50);
  CHECK(cut_utf8("abc", 0).empty());
}

TEST_CASE("Sizes are decimal with three digits") {
  struct Case {
    std::uint64_t bytes;
    const char* shown;
  };
  const Case cases[] = {
      {0, "0 B"},
      {999, "999 B"},
      {1000, "1.00 KB"},
      {1234567, "1.23 MB"},
      {12345678, "12.3 MB"},
      {123456789, "123 MB"},
      {9994, "9.99 KB"},
      {9995, "10.0 KB"},
      {999499, "999 KB"},
      {999500, "1.00 MB"},
      {1'000'000'000, "1.00 GB"},
      {std::numeric_limits<std::uint64_t>::max(), "18.4 EB"},
  };
  for (const Case& c : cases) CHECK(format_size(c.bytes) == c.shown);
}

}  // namespace
}  // namespace lsend
