#include "lsend/discovery/announce_schedule.hpp"

#include <array>

namespace lsend::discovery {
namespace {

/// A single datagram is easily lost on Wi-Fi, so a burst repeats it as official peers do.
constexpr std::array<Duration, 3> kBurst{Duration(100), Duration(500), Duration(2000)};

/// A busy loop is later than planned, a process that stood still is this late.
constexpr Duration kLate = std::chrono::seconds(1);

}  // namespace

Duration AnnounceSchedule::first_delay() { return kBurst.front(); }

void AnnounceSchedule::advance(TimePoint now) {
  if (sent_ < kBurst.size()) ++sent_;
  const auto pause = sent_ < kBurst.size() ? kBurst.at(sent_) : every_;
  next_ = (now - next_ > kLate ? now : next_) + pause;
}

void AnnounceSchedule::restart(TimePoint now) {
  sent_ = 0;
  next_ = now + first_delay();
}

}  // namespace lsend::discovery
