#include "lsend/transfer/progress.hpp"

#include <limits>

#include "catch.hpp"

using namespace lsend;
using namespace lsend::transfer;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

bool near(double a, double b) { return a > b * 0.99 - 1e-9 && a < b * 1.01 + 1e-9; }

}  // namespace

TEST_CASE("a steady stream has its rate and its time left") {
  const TimePoint start{};
  Progress progress(10'000, start);
  CHECK(progress.bytes_per_second(start) == 0.0);
  CHECK(progress.remaining(start) == std::nullopt);
  TimePoint now = start;
  for (int i = 0; i < 40; ++i) {
    now += milliseconds(100);
    progress.add(100, now);
  }
  CHECK(progress.bytes() == 4'000);
  CHECK(near(progress.fraction(), 0.4));
  CHECK(near(progress.bytes_per_second(now), 1'000));
  CHECK(near(progress.average_bytes_per_second(now), 1'000));
  REQUIRE(progress.remaining(now));
  CHECK(near(static_cast<double>(progress.remaining(now)->count()), 6'000));
}

TEST_CASE("the rate forgets what is older than five seconds") {
  const TimePoint start{};
  Progress progress(1'000'000, start);
  progress.add(100'000, start + seconds(1));
  CHECK(near(progress.bytes_per_second(start + seconds(6)), 20'000));
  CHECK(progress.bytes_per_second(start + milliseconds(6'001)) == 0.0);
  CHECK(progress.remaining(start + seconds(7)) == std::nullopt);
  CHECK(near(progress.average_bytes_per_second(start + seconds(10)), 10'000));
}

TEST_CASE("an attempt thrown away comes again") {
  Progress progress(100, {});
  progress.add(60, TimePoint{} + seconds(1));
  progress.take_back(50);
  CHECK(progress.bytes() == 10);
  progress.take_back(50);
  CHECK(progress.bytes() == 0);
}

TEST_CASE("the edges: nothing to move, too much moved, hardly anything moving") {
  const auto now = TimePoint{} + seconds(1);
  Progress empty(0, {});
  CHECK(empty.fraction() == 1.0);
  CHECK(empty.remaining(now) == Duration::zero());
  Progress over(10, {});
  over.add(20, now);
  CHECK(over.fraction() == 1.0);
  CHECK(over.remaining(now) == Duration::zero());
  Progress slow(std::numeric_limits<std::uint64_t>::max(), {});
  slow.add(1, now);
  CHECK(slow.remaining(now) == std::nullopt);
}
