#include "lsend/discovery/announce_schedule.hpp"

#include <vector>

#include "catch.hpp"

using lsend::Duration;
using lsend::TimePoint;
using lsend::discovery::AnnounceSchedule;

namespace {

std::vector<long> next_times(AnnounceSchedule& schedule, TimePoint start, int count) {
  std::vector<long> times;
  for (int i = 0; i < count; ++i) {
    times.push_back(std::chrono::duration_cast<Duration>(schedule.next() - start).count());
    schedule.advance(schedule.next());
  }
  return times;
}

}  // namespace

TEST_CASE("announce schedule: a burst of three, then a steady pace") {
  const TimePoint start{std::chrono::hours(5)};
  AnnounceSchedule schedule(start, std::chrono::seconds(60));
  CHECK(next_times(schedule, start, 6) == std::vector<long>{100, 600, 2600, 62600, 122600, 182600});
}

TEST_CASE("announce schedule: a restart begins a new burst at any time") {
  const int announced = GENERATE(0, 1, 2, 3, 10);
  const TimePoint start{};
  AnnounceSchedule schedule(start, std::chrono::seconds(60));
  for (int i = 0; i < announced; ++i) schedule.advance(schedule.next());
  const TimePoint again = start + std::chrono::seconds(1000);
  schedule.restart(again);
  CHECK(next_times(schedule, again, 4) == std::vector<long>{100, 600, 2600, 62600});
}

TEST_CASE("announce schedule: what a standstill has missed is not made up for") {
  const int announced = GENERATE(0, 1, 2, 3, 10);
  const TimePoint start{};
  AnnounceSchedule schedule(start, std::chrono::seconds(60));
  for (int i = 0; i < announced; ++i) schedule.advance(schedule.next());
  const TimePoint awake = schedule.next() + std::chrono::minutes(10);
  schedule.advance(awake);
  const auto pause = schedule.next() - awake;
  const Duration expected{announced == 0 ? 500 : announced == 1 ? 2000 : 60'000};
  CHECK(std::chrono::duration_cast<Duration>(pause) == expected);
}

TEST_CASE("announce schedule: a little late is no reason to shift") {
  const TimePoint start{};
  AnnounceSchedule schedule(start, std::chrono::seconds(60));
  for (int i = 0; i < 3; ++i) schedule.advance(schedule.next());
  const auto planned = schedule.next();
  schedule.advance(planned + Duration(400));
  CHECK(schedule.next() == planned + std::chrono::seconds(60));
}
