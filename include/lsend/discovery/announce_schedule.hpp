#pragma once

#include <cstddef>

#include "lsend/model/time.hpp"

namespace lsend::discovery {

/// When to announce: 100, 500 and 2000 ms after one another at the start of a burst, then once each
/// `every` (reliability.md S56).
class AnnounceSchedule {
 public:
  AnnounceSchedule(TimePoint start, Duration every) : next_(start + first_delay()), every_(every) {}

  TimePoint next() const { return next_; }
  /// An announcement was made `now`, at next() or after it; moves on to the following one. What was
  /// missed meanwhile (a stopped process, a frozen container) is not made up for.
  void advance(TimePoint now);
  /// Starts a new burst (an interface came, the user asked).
  void restart(TimePoint now);

 private:
  static Duration first_delay();

  TimePoint next_;
  Duration every_;
  std::size_t sent_ = 0;
};

}  // namespace lsend::discovery
