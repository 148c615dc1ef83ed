#include "lsend/storage/stream_hash.hpp"

#include <random>
#include <vector>

#include "catch.hpp"

using namespace lsend::storage;

namespace {

std::vector<std::byte> noise(std::size_t size) {
  std::mt19937 random(7);
  std::vector<std::byte> bytes(size);
  for (auto& byte : bytes) byte = std::byte(random() & 0xFFU);
  return bytes;
}

std::string plain(std::span<const std::byte> bytes) {
  Sha256 digest;
  digest.update(bytes);
  return digest.finish_hex();
}

}  // namespace

TEST_CASE("a hash of its own thread is the same hash") {
  const auto bytes = noise(5'000'000);
  for (const bool own_thread : {false, true}) {
    for (const std::size_t step :
         {std::size_t{1000}, std::size_t{262'144}, std::size_t{3'000'001}}) {
      INFO(own_thread << " " << step);
      StreamHash hash(own_thread);
      const std::span<const std::byte> all(bytes);
      for (std::size_t at = 0; at < bytes.size(); at += step) {
        auto block = noise(0);
        const auto part = all.subspan(at, std::min(step, bytes.size() - at));
        // The caller's buffer is reused at once.
        block.assign(part.begin(), part.end());
        hash.update(block);
        std::fill(block.begin(), block.end(), std::byte{0});
        if (at == 0) CHECK(hash.hex_so_far() == plain(part));
      }
      StreamHash moved(std::move(hash));
      CHECK(moved.finish_hex() == plain(bytes));
    }
  }
}

TEST_CASE("nothing, and a hash that nobody finishes") {
  CHECK(StreamHash(true).finish_hex() == plain({}));
  for (int i = 0; i < 20; ++i) {
    StreamHash given_up(true);
    given_up.update(noise(600'000));
  }
  SUCCEED("every thread has ended");
}

TEST_CASE("a thread is for what is large") { CHECK_FALSE(StreamHash::pays(1'000'000)); }
