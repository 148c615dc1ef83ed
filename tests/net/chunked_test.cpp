#include "lsend/net/chunked.hpp"

#include <string>
#include <string_view>

#include "catch.hpp"

using lsend::net::ChunkDecoder;

namespace {

struct Decoded {
  std::string payload;
  std::string rest;  ///< raw bytes that belong to the next message
  bool done = false;
  bool bad = false;
};

/// Feeds `raw` in pieces of `piece` bytes.
Decoded decode(std::string_view raw, std::size_t piece) {
  ChunkDecoder decoder;
  Decoded result;
  while (!raw.empty() && !decoder.done()) {
    std::string block(raw.substr(0, piece));
    raw.remove_prefix(block.size());
    const auto step = decoder.decode(std::as_writable_bytes(std::span(block)));
    if (!step) {
      result.bad = true;
      return result;
    }
    result.payload += block.substr(0, step->produced);
    result.rest = block.substr(step->consumed);
  }
  result.rest += raw;
  result.done = decoder.done();
  return result;
}

}  // namespace

TEST_CASE("Chunked bodies are decoded whatever the pieces") {
  const auto piece =
      GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{1000});
  INFO("pieces of " << piece);
  struct Case {
    std::string_view raw, payload, rest;
  };
  const Case cases[] = {
      {"5\r\nhello\r\n0\r\n\r\n", "hello", ""},
      {"5\r\nhello\r\n1;name=value\r\n!\r\n0\r\nTrailer: x\r\n\r\nGET /", "hello!", "GET /"},
      {"0\r\n\r\n", "", ""},
      {"A\r\n0123456789\r\n0a\r\n0123456789\r\n000\r\n\r\n", "01234567890123456789", ""},
  };
  for (const auto& c : cases) {
    INFO(c.raw);
    const auto decoded = decode(c.raw, piece);
    CHECK_FALSE(decoded.bad);
    CHECK(decoded.done);
    CHECK(decoded.payload == c.payload);
    CHECK(decoded.rest == c.rest);
  }
}

TEST_CASE("Malformed and oversized chunk framing is refused") {
  const std::string long_extension = "5;" + std::string(1000, 'x') + "\r\nhello\r\n";
  const std::string many_trailers = "0\r\n" + std::string(20000, 'x') + "\r\n\r\n";
  const std::string_view cases[] = {
      "zz\r\n",
      "-5\r\nhello\r\n",
      "0x5\r\nhello\r\n",
      "\r\n",
      "5\nhello\r\n",
      "5\r\nhelloXX",
      "5\r\nhello\n",
      "ffffffffffffffff1\r\n",
      "8000000000000000\r\n",
      "5\r\rhello",
      "0\r\n\n",
      long_extension,
      many_trailers,
  };
  for (const auto raw : cases) {
    INFO(raw.substr(0, 40));
    CHECK(decode(raw, 1).bad);
    CHECK(decode(raw, 100000).bad);
  }
}

TEST_CASE("A chunked body without its last chunk is not done") {
  CHECK_FALSE(decode("5\r\nhello\r\n", 3).done);
  CHECK_FALSE(decode("5\r\nhel", 3).done);
  CHECK_FALSE(decode("0\r\n", 3).done);
}
