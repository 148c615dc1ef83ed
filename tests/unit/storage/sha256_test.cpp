#include "lsend/storage/sha256.hpp"

#include <algorithm>
#include <set>

#include "catch.hpp"
#include "temp_folder.hpp"

using namespace lsend::storage;

TEST_CASE("digests of FIPS 180-4") {
  struct Case {
    std::string text;
    const char* hex;
  };
  const std::vector<Case> cases = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {std::string(1'000'000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const auto& c : cases) {
    Sha256 whole;
    whole.update(bytes_of(c.text));
    CHECK(whole.finish_hex() == c.hex);
    Sha256 pieces;
    for (std::size_t i = 0; i < c.text.size(); i += 999) {
      pieces.update(bytes_of(std::string_view(c.text).substr(i, 999)));
    }
    CHECK(pieces.finish_hex() == c.hex);
  }
}

TEST_CASE("random texts are URL-safe, of one length and never the same") {
  std::set<std::string> seen;
  std::string all;
  for (int i = 0; i < 10'000; ++i) {
    const auto text = random_text();
    REQUIRE(text.size() == 22);
    seen.insert(text);
    all += text.substr(0, 21);  // the last digit has two random bits only
  }
  CHECK(seen.size() == 10'000);
  std::set<char> digits(all.begin(), all.end());
  CHECK(digits.size() == 64);
  CHECK(all.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
        std::string::npos);
}

TEST_CASE("UUIDs are of version 4 and RFC 4122's variant") {
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    const auto uuid = random_uuid();
    REQUIRE(uuid.size() == 36);
    CHECK(uuid[8] == '-');
    CHECK(uuid[13] == '-');
    CHECK(uuid[14] == '4');
    CHECK(uuid[18] == '-');
    CHECK(std::string("89ab").find(uuid[19]) != std::string::npos);
    CHECK(uuid[23] == '-');
    CHECK(uuid.find_first_not_of("0123456789abcdef-") == std::string::npos);
    seen.insert(uuid);
  }
  CHECK(seen.size() == 1'000);
}
