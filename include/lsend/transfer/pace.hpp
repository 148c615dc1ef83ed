#pragma once

#include <cstdint>

#include "lsend/model/time.hpp"

namespace lsend::transfer {

/// Tells an upload that hardly moves: less than 1 KiB/s over a minute, and it has to go when
/// somebody else waits (reliability.md 4.1).
class Pace {
 public:
  explicit Pace(TimePoint now) : minute_ends_(now + kMinute) {}

  /// Asked with each block, `moved` bytes in all. True at the end of a minute that was too slow.
  bool crawls(std::uint64_t moved, TimePoint now) {
    if (now < minute_ends_) return false;
    const bool slow = moved - minute_began_at_ < kLeastBytesAMinute;
    minute_ends_ = now + kMinute;
    minute_began_at_ = moved;
    return slow;
  }

 private:
  static constexpr std::chrono::minutes kMinute{1};
  static constexpr std::uint64_t kLeastBytesAMinute = 60 * 1024;

  TimePoint minute_ends_;
  std::uint64_t minute_began_at_ = 0;
};

}  // namespace lsend::transfer
