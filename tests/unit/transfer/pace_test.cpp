#include "lsend/transfer/pace.hpp"

#include "catch.hpp"

using lsend::Duration;
using lsend::TimePoint;
using lsend::transfer::Pace;
using std::chrono::seconds;

namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};
constexpr std::uint64_t kLeast = 60 * 1024;

}  // namespace

TEST_CASE("pace: nothing is judged before a minute is over") {
  Pace pace(kStart);
  CHECK_FALSE(pace.crawls(1, kStart));
  CHECK_FALSE(pace.crawls(2, kStart + seconds(59)));
  CHECK(pace.crawls(3, kStart + seconds(60)));
}

TEST_CASE("pace: 1 KiB/s over a minute is enough, less is not") {
  for (const bool enough : {true, false}) {
    INFO(enough);
    Pace pace(kStart);
    CHECK(pace.crawls(kLeast - (enough ? 0 : 1), kStart + seconds(60)) != enough);
  }
}

TEST_CASE("pace: each minute is judged by its own bytes") {
  Pace pace(kStart);
  CHECK_FALSE(pace.crawls(10'000'000, kStart + seconds(60)));
  CHECK_FALSE(pace.crawls(10'000'001, kStart + seconds(119)));
  CHECK(pace.crawls(10'000'002, kStart + seconds(120)));
  CHECK_FALSE(pace.crawls(10'000'002 + kLeast, kStart + seconds(180)));
}
