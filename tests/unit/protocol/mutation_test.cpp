#include <random>

#include "catch.hpp"
#include "vectors.hpp"

namespace lsend::protocol {
namespace {

const DeviceDefaults kDefaults;

/// Whatever was accepted keeps the limits and means the same when written and read again.
void read_by_all(const std::string& text) {
  for (const Codec* codec : {&codec_v1(), &codec_v2()}) {
    (void)codec->decode_info(text, kDefaults);
    if (const auto device = codec->decode_register(text, kDefaults)) {
      CHECK(device->alias.size() <= 256);
      CHECK(device->port != 0);
    }
    (void)codec->decode_prepare_reply(text, JsonLimits{});
  }
  (void)decode_announcement(text, kDefaults);
  (void)decode_error(text);
  const auto request = codec_v2().decode_prepare_upload(text, kDefaults, JsonLimits{});
  if (!request) return;
  CHECK_FALSE(request->files.empty());
  const auto again = codec_v2().decode_prepare_upload(codec_v2().encode_prepare_upload(*request),
                                                      kDefaults, JsonLimits{});
  REQUIRE(again.has_value());
  CHECK(again->info == request->info);
  CHECK(again->files == request->files);
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::string mutate(std::string text, const std::string& other) {
    for (std::size_t n = 1 + below(4); n > 0 && !text.empty(); --n) {
      const std::size_t at = below(text.size());
      switch (below(6)) {
        case 0:
          text[at] = static_cast<char>(below(256));
          break;
        case 1:
          text.erase(at, 1 + below(8));
          break;
        case 2:
          text.insert(at, text.substr(below(text.size()), below(32)));
          break;
        case 3:
          text.replace(at, 1, pieces_[below(pieces_.size())]);
          break;
        case 4:
          text.resize(at);
          break;
        default:
          text.insert(at, other.substr(below(other.size()), below(64)));
          break;
      }
    }
    return text;
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }

  std::mt19937 random_;
  std::vector<std::string> pieces_{
      "null", "true", "-1", "1e9",  "18446744073709551616", "\"\"", "[", "{", "\\u0", "}", "]",
      ",",    ":",    "\"", "[[[[", "{\"files\":{"};
};

TEST_CASE("Damaged messages are read or refused, nothing else") {
  const auto vectors = all_vectors();
  REQUIRE(vectors.size() > 20);
  Mutator mutator{20260101};
  for (int round = 0; round < 150; ++round) {
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      const std::string text =
          mutator.mutate(vectors[i].text, vectors[(i + 7) % vectors.size()].text);
      INFO(text);
      read_by_all(text);
    }
  }
}

TEST_CASE("A message cut anywhere is refused") {
  const std::string text = vector_text("v2/prepare_upload_app_1.18.json");
  const std::size_t end = text.find_last_of('}');
  for (std::size_t size = 0; size <= end; ++size) {
    CHECK(codec_v2()
              .decode_prepare_upload(text.substr(0, size), kDefaults, JsonLimits{})
              .has_error());
  }
}

}  // namespace
}  // namespace lsend::protocol
