#include "lib/app/refusal_news.hpp"

#include "catch.hpp"

using namespace lsend;
using app::RefusalNews;

TEST_CASE("a network has twenty refusals told in ten seconds, and the rest counted") {
  RefusalNews news;
  TimePoint now{};
  for (int i = 0; i < 20; ++i) CHECK(news.take("10.0.0.2", now).tell);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(news.take("10.0.0.2", now).tell);
  CHECK(news.take("10.0.0.3", now).tell);
  now += std::chrono::seconds(10);
  const auto later = news.take("10.0.0.2", now);
  CHECK(later.tell);
  CHECK(later.untold == 5);
  CHECK(news.take("10.0.0.2", now).untold == 0);
}

TEST_CASE("all networks together have two hundred refusals told") {
  RefusalNews news;
  const TimePoint now{};
  int told = 0;
  for (int i = 0; i < 1000; ++i) told += news.take("10.0.0." + std::to_string(i), now).tell ? 1 : 0;
  CHECK(told == 200);
}
