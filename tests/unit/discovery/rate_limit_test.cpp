#include "lsend/discovery/rate_limit.hpp"

#include "catch.hpp"

using lsend::Duration;
using lsend::PeerAddress;
using lsend::TimePoint;
using lsend::discovery::AnswerLimiter;
using lsend::discovery::RegisterLimiter;
using lsend::discovery::TokenBucket;

namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

PeerAddress host(int number) { return PeerAddress("10.0.0." + std::to_string(number)); }

int taken(TokenBucket& bucket, TimePoint now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += bucket.take(now) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("token bucket: one second's worth at once, then the rate") {
  TokenBucket bucket(50, 50, kStart);
  CHECK(taken(bucket, kStart, 1000) == 50);
  CHECK(taken(bucket, kStart + Duration(100), 1000) == 5);
  CHECK(taken(bucket, kStart + Duration(110), 1000) == 0);
  CHECK(taken(bucket, kStart + Duration(120), 1000) == 1);
  CHECK(taken(bucket, kStart + std::chrono::hours(9), 1000) == 50);
}

TEST_CASE("token bucket: a flood gets no more than the rate over time") {
  TokenBucket bucket(50, 50, kStart);
  int count = 0;
  for (int ms = 0; ms < 10'000; ++ms) count += taken(bucket, kStart + Duration(ms), 10);
  CHECK(count >= 545);
  CHECK(count <= 550);
}

TEST_CASE("token bucket: a rate below one a second still gives whole tokens") {
  TokenBucket bucket(0.5, 1, kStart);
  CHECK(taken(bucket, kStart, 9) == 1);
  CHECK(taken(bucket, kStart + std::chrono::seconds(1), 9) == 0);
  CHECK(taken(bucket, kStart + std::chrono::seconds(2), 9) == 1);
  CHECK(taken(bucket, kStart + std::chrono::seconds(3), 9) == 0);
}

TEST_CASE("answer limiter: four answers a source at once, then one a second") {
  AnswerLimiter limiter(kStart);
  for (int i = 0; i < 4; ++i) CHECK(limiter.allow(host(1), kStart));
  CHECK_FALSE(limiter.allow(host(1), kStart));
  CHECK_FALSE(limiter.allow(host(1), kStart + Duration(999)));
  CHECK(limiter.allow(host(2), kStart + Duration(999)));
  CHECK(limiter.allow(host(1), kStart + Duration(1000)));
  CHECK_FALSE(limiter.allow(host(1), kStart + Duration(1001)));
  for (int i = 0; i < 4; ++i) CHECK(limiter.allow(host(1), kStart + Duration(60'000)));
  CHECK_FALSE(limiter.allow(host(1), kStart + Duration(60'000)));
}

TEST_CASE("answer limiter: ten answers a second in all") {
  AnswerLimiter limiter(kStart);
  int allowed = 0;
  for (int i = 0; i < 100; ++i) allowed += limiter.allow(host(i), kStart) ? 1 : 0;
  CHECK(allowed == 10);
  SECTION("a source that was refused for the total may come again soon") {
    CHECK(limiter.allow(host(50), kStart + Duration(100)));
  }
}

TEST_CASE("answer limiter: a source that has to wait takes nothing from the others") {
  AnswerLimiter limiter(kStart);
  int allowed = 0;
  for (int i = 0; i < 100; ++i) allowed += limiter.allow(host(1), kStart) ? 1 : 0;
  CHECK(allowed == 4);
  for (int i = 2; i < 8; ++i) CHECK(limiter.allow(host(i), kStart));
}

TEST_CASE("register limiter: twenty a second from each network") {
  RegisterLimiter limiter;
  for (int i = 0; i < 20; ++i) CHECK(limiter.allow(host(1), kStart));
  CHECK_FALSE(limiter.allow(host(1), kStart));
  CHECK_FALSE(limiter.allow(host(1), kStart + Duration(49)));
  CHECK(limiter.allow(host(1), kStart + Duration(50)));
  CHECK_FALSE(limiter.allow(host(1), kStart + Duration(51)));
  CHECK(limiter.allow(host(2), kStart + Duration(51)));
  for (int i = 0; i < 20; ++i) CHECK(limiter.allow(host(1), kStart + std::chrono::seconds(2)));
  CHECK_FALSE(limiter.allow(host(1), kStart + std::chrono::seconds(2)));
}

TEST_CASE("register limiter: a /64 is one, and a whole network may answer at once") {
  RegisterLimiter limiter;
  for (int i = 0; i < 20; ++i)
    CHECK(limiter.allow(PeerAddress("2001:db8::" + std::to_string(i + 1)), kStart));
  CHECK_FALSE(limiter.allow(PeerAddress("2001:db8::ffff"), kStart));
  CHECK(limiter.allow(PeerAddress("2001:db8:0:1::1"), kStart));
  for (int i = 1; i <= 200; ++i) CHECK(limiter.allow(host(i), kStart));
}
