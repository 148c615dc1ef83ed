#pragma once

#include <algorithm>
#include <cstdint>

#include "lsend/model/time.hpp"

namespace lsend::transfer {

/// Pauses between tries (reliability.md 7.3): each twice the one before, up to the longest, and
/// each spread by 25 % either way, so that several senders do not come back together.
class Backoff {
 public:
  Backoff(Duration first, Duration longest) : next_(first), longest_(longest) {}

  /// `chance` from 0 to 1.
  Duration next(double chance) {
    const auto pause = std::chrono::duration_cast<Duration>(next_ * (0.75 + 0.5 * chance));
    next_ = std::min(next_ * 2, longest_);
    return pause;
  }

 private:
  Duration next_;
  Duration longest_;
};

}  // namespace lsend::transfer
