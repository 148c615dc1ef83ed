#include "cmd/suggest.hpp"

#include <algorithm>
#include <numeric>

namespace lsend::cmd {
namespace {

/// Edits, a swap of neighbours being one (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  const std::size_t columns = b.size() + 1;
  std::vector<std::size_t> older(columns), old(columns), row(columns);
  std::iota(old.begin(), old.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({old[j] + 1, row[j - 1] + 1, old[j - 1] + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], older[j - 2] + 1);
    }
    std::swap(older, old);
    std::swap(old, row);
  }
  return old[b.size()];
}

}  // namespace

std::string nearest(std::string_view typed, const std::vector<std::string>& words) {
  // A third of the letters may be wrong; a beginning that fits one word only is as good.
  const std::size_t allowed = std::max<std::size_t>(1, typed.size() / 3);
  std::string best;
  std::size_t best_distance = allowed + 1;
  constexpr std::size_t kLongestWord = 64;
  if (typed.size() > kLongestWord) return best;
  for (const auto& word : words) {
    const auto edits = distance(typed, word);
    if (edits < best_distance) {
      best = word;
      best_distance = edits;
    }
  }
  if (!best.empty() || typed.size() < 2) return best;
  for (const auto& word : words) {
    if (!word.starts_with(typed)) continue;
    if (!best.empty()) return {};
    best = word;
  }
  return best;
}

}  // namespace lsend::cmd
