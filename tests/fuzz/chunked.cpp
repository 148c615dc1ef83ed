// A chunked body in one piece and in many: the same payload, the same end, the same refusal.
#include "lsend/net/chunked.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "check.hpp"

namespace {

using namespace lsend;
using fuzz::require;

struct Outcome {
  std::vector<std::byte> payload;
  std::size_t consumed = 0;
  bool done = false;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Sizes of the pieces from a generator that `seed` starts; 0: all in one.
std::optional<Outcome> decode(std::span<const std::byte> raw, unsigned seed) {
  net::ChunkDecoder decoder;
  Outcome outcome;
  unsigned state = seed;
  while (outcome.consumed < raw.size() && !decoder.done()) {
    const auto rest = raw.subspan(outcome.consumed);
    state = state * 1'103'515'245U + 12'345U;
    const std::size_t size = seed == 0 ? rest.size() : 1 + (state >> 16U) % (1 + seed % 13);
    const auto part = rest.first(std::min(size, rest.size()));
    std::vector<std::byte> piece(part.begin(), part.end());
    const auto step = decoder.decode(piece);
    if (!step) return std::nullopt;
    require(step->produced <= step->consumed && step->consumed <= piece.size(),
            "decoding never grows");
    require(step->consumed == piece.size() || decoder.done(), "it stops at the end only");
    outcome.consumed += step->consumed;
    outcome.payload.insert(outcome.payload.end(), piece.begin(),
                           piece.begin() + static_cast<std::ptrdiff_t>(step->produced));
  }
  outcome.done = decoder.done();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto raw = std::as_bytes(std::span(data, size).subspan(1));
  const auto whole = decode(raw, 0);
  require(whole == decode(raw, data[0] + 1U), "pieces give the same as the whole");
  require(whole == decode(raw, 13), "single bytes give the same as the whole");
  return 0;
}
