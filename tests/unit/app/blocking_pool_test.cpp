#include "lib/app/blocking_pool.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <future>
#include <new>
#include <string>
#include <thread>

#include "catch.hpp"
#include "lib/app/detached_look.hpp"
#include "lsend/net/task_group.hpp"

using namespace lsend;
using namespace std::chrono_literals;

namespace {

struct Log {
  std::thread::id worker, resumed;
  std::string value, failure;
  unsigned ticks = 0;
};

net::Task<> use_pool(app::BlockingPool& pool, Log& log) {
  const std::string owned(100, 'x');
  auto work = [&log, &owned]() -> Result<std::string> {
    std::this_thread::sleep_for(200ms);
    log.worker = std::this_thread::get_id();
    return owned + "!";
  };
  const auto value = co_await pool.run(std::move(work));
  log.resumed = std::this_thread::get_id();
  log.value = *value;
  auto throwing = []() -> Result<> { throw std::bad_alloc(); };
  const auto failed = co_await pool.run(std::move(throwing));
  log.failure = failed.error().message();
}

net::Task<> tick(Log& log) {
  while (log.value.empty()) {
    ++log.ticks;
    co_await net::sleep_for(10ms);
  }
}

net::Task<> wait_for_stop(app::BlockingPool& pool, bool& ended) {
  auto work = [&pool]() -> Result<> {
    while (!pool.stopping()) std::this_thread::sleep_for(1ms);
    return {};
  };
  co_await pool.run(std::move(work));
  ended = true;
}

net::Task<> work_on(app::BlockingPool& pool, std::atomic<int>& begun, std::atomic<int>& at_work) {
  auto work = [&]() -> Result<> {
    ++begun;
    ++at_work;
    while (!pool.stopping()) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(50ms);
    --at_work;
    return {};
  };
  co_await pool.run(std::move(work));
}

}  // namespace

TEST_CASE("Blocking work runs on another thread while this one goes on") {
  net::asio::io_context context(1);
  app::BlockingPool pool;
  Log log;
  net::TaskGroup group(context.get_executor());
  group.spawn(use_pool(pool, log));
  group.spawn(tick(log));
  context.run_for(10s);
  CHECK(log.value == std::string(100, 'x') + "!");
  CHECK(log.worker != std::this_thread::get_id());
  CHECK(log.resumed == std::this_thread::get_id());
  CHECK(log.ticks > 5);
  CHECK(log.failure == "std::bad_alloc");
}

TEST_CASE("Who waits for blocking work is not cancelled, and the pool's end ends the work") {
  net::asio::io_context context(1);
  bool ended = false;
  {
    app::BlockingPool pool;
    net::TaskGroup group(context.get_executor());
    group.spawn(wait_for_stop(pool, ended));
    context.run_for(50ms);
    group.cancel();
    context.run_for(50ms);
    CHECK(group.size() == 1);
  }
  context.restart();
  context.run_for(5s);
  CHECK(ended);
}

TEST_CASE("After finish() nothing is at work on what the jobs refer to, and nothing begins") {
  net::asio::io_context context(1);
  std::atomic<int> begun = 0;
  std::atomic<int> at_work = 0;
  app::BlockingPool pool;
  net::TaskGroup group(context.get_executor());
  for (int i = 0; i < 5; ++i) group.spawn(work_on(pool, begun, at_work));
  context.run_for(50ms);
  CHECK(at_work == 2);
  pool.finish();
  CHECK(at_work == 0);
  CHECK(begun == 2);
  context.restart();
  context.run_for(50ms);
  CHECK(begun == 2);
}

TEST_CASE("what nobody waits for runs on a thread, and at once when the pool has finished") {
  app::BlockingPool pool;
  std::promise<std::thread::id> where;
  pool.post([&where] { where.set_value(std::this_thread::get_id()); });
  CHECK(where.get_future().get() != std::this_thread::get_id());
  pool.finish();
  bool ran = false;
  pool.post([&ran] { ran = true; });
  CHECK(ran);
}

TEST_CASE("a look that hangs is the only one, and answers when it can") {
  std::promise<void> go;
  auto gone = go.get_future().share();
  std::atomic<int> looks = 0;
  const TimePoint start = Clock::now();
  app::DetachedLook look([gone, &looks] {
    ++looks;
    gone.wait();
    return std::string("well");
  });
  CHECK_FALSE(look.since().has_value());
  look.start(start);
  look.start(start + 1h);
  CHECK_FALSE(look.take_answer().has_value());
  CHECK(look.since() == start);
  go.set_value();
  std::optional<std::string> answer;
  while (!answer) answer = look.take_answer();
  CHECK(*answer == "well");
  CHECK(looks == 1);
  CHECK_FALSE(look.since().has_value());
  CHECK_FALSE(look.take_answer().has_value());
}
