#include "lsend/model/ids.hpp"

#include <string>
#include <unordered_set>

#include "catch.hpp"

namespace lsend {
namespace {

const std::string kHex = "0123456789abcdefABCDEF0123456789abcdefABCDEF0123456789abcdefABCD";

TEST_CASE("A fingerprint of hex digits is upper-case, any other text stays") {
  CHECK(Fingerprint{"ab12Ff"}.str() == "AB12FF");
  CHECK(Fingerprint{"web-abc"}.str() == "web-abc");
  CHECK(Fingerprint{"random string"}.str() == "random string");
  CHECK(Fingerprint{""}.empty());
  CHECK(Fingerprint{"aB"} == Fingerprint{"Ab"});
}

TEST_CASE("Only 64 hex digits are a SHA-256") {
  CHECK(Fingerprint{kHex}.is_sha256());
  CHECK_FALSE(Fingerprint{kHex.substr(1)}.is_sha256());
  CHECK_FALSE(Fingerprint{kHex + "0"}.is_sha256());
  CHECK_FALSE(Fingerprint{"g" + kHex.substr(1)}.is_sha256());
}

TEST_CASE("A digest is written in upper-case hex") {
  std::array<std::uint8_t, 32> digest{};
  digest[0] = 0xAB;
  digest[31] = 0x0F;
  const Fingerprint fingerprint = Fingerprint::from_digest(digest);
  CHECK(fingerprint.is_sha256());
  CHECK(fingerprint.str() == "AB" + std::string(60, '0') + "0F");
  CHECK(fingerprint.brief() == "AB000000");
}

TEST_CASE("A prefix of a fingerprint is compared without case") {
  const Fingerprint fingerprint{kHex};
  CHECK(fingerprint.starts_with("0123456789aB"));
  CHECK(fingerprint.starts_with(""));
  CHECK_FALSE(fingerprint.starts_with("1"));
  CHECK_FALSE(fingerprint.starts_with(kHex + "0"));
}

TEST_CASE("Constant-time comparison") {
  CHECK(equal_constant_time("", ""));
  CHECK(equal_constant_time("1234", "1234"));
  CHECK_FALSE(equal_constant_time("1234", "1235"));
  CHECK_FALSE(equal_constant_time("1234", "0234"));
  CHECK_FALSE(equal_constant_time("1234", "123"));
  CHECK_FALSE(equal_constant_time(std::string("12\0", 3), "12"));
}

TEST_CASE("Ids are ordered and hashed by their text") {
  CHECK(FileId{"a"} < FileId{"b"});
  std::unordered_set<FileId> ids{FileId{"a"}, FileId{"a"}, FileId{"b"}};
  CHECK(ids.size() == 2);
}

}  // namespace
}  // namespace lsend
