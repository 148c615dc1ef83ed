#include "lsend/discovery/rate_limit.hpp"

#include <algorithm>

namespace lsend::discovery {
namespace {

constexpr std::chrono::seconds kPause{5};

}  // namespace

bool TokenBucket::take(TimePoint now) {
  const double seconds = std::chrono::duration<double>(now - last_).count();
  if (seconds > 0) {
    // A rate below one a second must be able to save up a whole token.
    tokens_ = std::min(std::max(rate_, 1.0), tokens_ + seconds * rate_);
    last_ = now;
  }
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

bool AnswerLimiter::allow(const PeerAddress& source, TimePoint now) {
  std::erase_if(last_, [now](const auto& entry) { return now - entry.second >= kPause; });
  // A source that has to wait takes nothing from the others.
  if (last_.contains(source) || !all_.take(now)) return false;
  last_.emplace(source, now);
  return true;
}

}  // namespace lsend::discovery
