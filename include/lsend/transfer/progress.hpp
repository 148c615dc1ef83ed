#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "lsend/model/time.hpp"

namespace lsend::transfer {

/// Rate and time left from byte counts, over a sliding window of five seconds.
class Progress {
 public:
  Progress(std::uint64_t total_bytes, TimePoint start) : total_(total_bytes), start_(start) {}

  /// The peer took fewer than was offered.
  void set_total(std::uint64_t total_bytes) { total_ = total_bytes; }
  void add(std::uint64_t bytes, TimePoint now);
  /// Bytes that are there without having moved now: no rate comes of them.
  void skip(std::uint64_t bytes) { bytes_ += bytes; }
  /// An attempt was thrown away: its bytes have to come again.
  void take_back(std::uint64_t bytes);

  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t total() const { return total_; }
  double fraction() const;                       ///< 0 to 1; 1 for a total of 0
  double bytes_per_second(TimePoint now) const;  ///< 0 before anything moved
  double average_bytes_per_second(TimePoint now) const;
  std::optional<Duration> remaining(TimePoint now) const;  ///< nothing while the rate is 0
  /// How long no byte has moved; nothing before three seconds of it.
  std::optional<Duration> stalled(TimePoint now) const;

 private:
  struct Sample {
    TimePoint at;
    std::uint64_t bytes;
  };
  std::uint64_t total_;
  TimePoint start_;
  std::uint64_t bytes_ = 0;
  TimePoint last_ = start_;
  std::deque<Sample> window_;
};

}  // namespace lsend::transfer
