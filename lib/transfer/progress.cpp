#include "lsend/transfer/progress.hpp"

#include <algorithm>

namespace lsend::transfer {
namespace {

constexpr Duration kWindow{5000};
/// Bytes that come closer together share a sample, so that the window holds about a hundred.
constexpr Duration kSample{50};

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

void Progress::add(std::uint64_t bytes, TimePoint now) {
  bytes_ += bytes;
  last_ = now;
  while (!window_.empty() && window_.front().at + kWindow < now) window_.pop_front();
  if (!window_.empty() && now - window_.back().at < kSample) {
    window_.back().bytes += bytes;
  } else {
    window_.push_back({now, bytes});
  }
}

void Progress::take_back(std::uint64_t bytes) { bytes_ -= std::min(bytes, bytes_); }

double Progress::fraction() const {
  if (total_ == 0) return 1.0;
  return std::min(1.0, static_cast<double>(bytes_) / static_cast<double>(total_));
}

double Progress::bytes_per_second(TimePoint now) const {
  const auto span = std::min<Clock::duration>(kWindow, now - start_);
  if (span <= Clock::duration::zero()) return 0.0;
  double moved = 0.0;
  for (const auto& sample : window_) {
    if (sample.at + kWindow >= now) moved += static_cast<double>(sample.bytes);
  }
  return moved / seconds(span);
}

double Progress::average_bytes_per_second(TimePoint now) const {
  if (now <= start_) return 0.0;
  return static_cast<double>(bytes_) / seconds(now - start_);
}

std::optional<Duration> Progress::stalled(TimePoint now) const {
  constexpr Duration shortest = std::chrono::seconds(3);
  const auto idle = std::chrono::duration_cast<Duration>(now - last_);
  if (idle < shortest || bytes_ >= total_) return std::nullopt;
  return idle;
}

std::optional<Duration> Progress::remaining(TimePoint now) const {
  if (bytes_ >= total_) return Duration::zero();
  const double rate = bytes_per_second(now);
  if (rate <= 0.0) return std::nullopt;
  const double milliseconds = static_cast<double>(total_ - bytes_) / rate * 1000.0;
  constexpr double kYears = 1e14;  // beyond this it says nothing, and would not fit Duration
  if (milliseconds > kYears) return std::nullopt;
  return Duration(static_cast<Duration::rep>(milliseconds));
}

}  // namespace lsend::transfer
