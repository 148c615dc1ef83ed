#include "lsend/protocol/repr_digest.hpp"

#include "catch.hpp"

namespace lsend::protocol {
namespace {

/// RFC 9530, appendix B.1: `{"hello": "world"}` and a line feed.
constexpr std::string_view kHex =
    "44aff4ab2d7c3250525675a08f0cfa9591168cffe51791c5f5bbc417c15a6c38";

TEST_CASE("A digest goes into a field and comes out of it") {
  const std::string zeros(64, '0');
  const std::string ones(64, 'f');
  for (const std::string& sha256 : {std::string(kHex), zeros, ones}) {
    const auto field = repr_digest(sha256);
    CHECK(field.size() == 9 + 44 + 1);
    CHECK(sha256_of_repr_digest(field) == sha256);
  }
  CHECK(repr_digest(zeros) == "sha-256=:" + std::string(43, 'A') + "=:");
  CHECK(repr_digest(ones) == "sha-256=:" + std::string(42, '/') + "8=:");
}

TEST_CASE("The digest of RFC 9530's example is read") {
  const auto read = sha256_of_repr_digest("sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
  REQUIRE(read);
  CHECK(*read == kHex);
}

TEST_CASE("Other algorithms stand beside it") {
  const auto field = repr_digest(kHex);
  CHECK(sha256_of_repr_digest("sha-512=:AAAA:, " + field) == std::string(kHex));
  CHECK(sha256_of_repr_digest(field + " , md5=:AAAA:") == std::string(kHex));
}

TEST_CASE("What is no SHA-256 is none") {
  const std::string digits(43, 'A');
  for (const std::string& bad :
       {std::string(), std::string(","), std::string("sha-256"), std::string("sha-256=:"),
        std::string("sha-256=::"), "sha-256=:" + digits + ":",
        "sha-256=:" + digits + "A:", "sha-256=:" + digits + "==:", "sha-256=:" + digits + "=",
        "sha-256=:" + std::string(42, 'A') + "B=:",  // two bits too many
        "sha-256=:" + std::string(42, 'A') + "-=:", "sha-512=:" + digits + "=:"}) {
    INFO(bad);
    CHECK(!sha256_of_repr_digest(bad));
  }
}

}  // namespace
}  // namespace lsend::protocol
