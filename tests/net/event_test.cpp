#include "lsend/net/event.hpp"

#include <boost/asio/co_spawn.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"
#include "lsend/model/log.hpp"
#include "lsend/net/task_group.hpp"

using namespace lsend;
using net::Task;

namespace {

using Notes = std::vector<std::string>;

/// Runs a coroutine to its end and throws what it threw.
void run(const std::function<Task<>()>& start) {
  net::asio::io_context context(1);
  std::exception_ptr failure;
  net::asio::co_spawn(context, start(), [&](std::exception_ptr thrown) { failure = thrown; });
  context.run();
  if (failure) std::rethrow_exception(failure);
}

Task<> note_wait(net::Event& event, std::vector<std::string>& notes, std::string name,
                 TimePoint limit) {
  const bool come = co_await event.wait(limit);
  notes.push_back(name + (come ? " woken" : " late"));
}

Task<> two_wait(std::vector<std::string>& notes) {
  const auto executor = co_await net::asio::this_coro::executor;
  net::Event event(executor);
  net::TaskGroup tasks(executor);
  tasks.spawn(note_wait(event, notes, "a", TimePoint::max()));
  tasks.spawn(note_wait(event, notes, "b", TimePoint::max()));
  tasks.spawn(note_wait(event, notes, "c", Clock::now()));
  const bool slept = co_await net::sleep_for(Duration(20));
  CHECK(slept);
  event.set();
  event.clear();
  co_await tasks.join();
  event.set();
  co_await note_wait(event, notes, "d", TimePoint::max());
}

Task<> event_goes(std::vector<std::string>& notes) {
  const auto executor = co_await net::asio::this_coro::executor;
  auto event = std::make_unique<net::Event>(executor);
  net::TaskGroup tasks(executor);
  tasks.spawn(note_wait(*event, notes, "a", TimePoint::max()));
  const bool slept = co_await net::sleep_for(Duration(5));
  CHECK(slept);
  event.reset();
  co_await tasks.join();
}

Task<> slow_child(bool& frame_lives, Notes& notes) {
  const bool whole = co_await net::sleep_for(std::chrono::hours(1));
  notes.emplace_back(frame_lives && !whole ? "child ended first" : "the frame had gone");
}

Task<> sleeping_job(net::TaskGroup& children, bool& frame_lives, Notes& notes) {
  children.spawn(slow_child(frame_lives, notes));
  (void)co_await net::sleep_for(std::chrono::hours(1));
}

/// Whose frame its child refers to.
Task<> parent_of_slow(Notes& notes) {
  struct Frame {
    bool lives = true;
    ~Frame() { lives = false; }
  };
  Frame frame;
  auto job = [&](net::TaskGroup& children) { return sleeping_job(children, frame.lives, notes); };
  co_await net::with_children(std::move(job));
}

Task<> cancel_parent(Notes& notes) {
  const auto executor = co_await net::asio::this_coro::executor;
  net::TaskGroup tasks(executor);
  tasks.spawn(parent_of_slow(notes));
  const bool slept = co_await net::sleep_for(Duration(5));
  CHECK(slept);
  tasks.cancel();
  co_await tasks.join();
}

/// A child that is still at work when its job throws; it refers to the frame above it.
Task<> long_child(std::vector<std::string>& notes) {
  const bool whole = co_await net::sleep_for(std::chrono::hours(1));
  notes.emplace_back(whole ? "child slept" : "child ended");
}

Task<int> failing_job(net::TaskGroup& children, std::vector<std::string>& notes) {
  children.spawn(long_child(notes));
  const bool slept = co_await net::sleep_for(Duration(5));
  CHECK(slept);
  throw std::runtime_error("the job failed");
}

Task<int> ending_job(net::TaskGroup& children, std::vector<std::string>& notes) {
  children.spawn(long_child(notes));
  const bool slept = co_await net::sleep_for(Duration(5));
  CHECK(slept);
  children.cancel();
  co_return 7;
}

Task<> child_throws() {
  const bool slept = co_await net::sleep_for(Duration(1));
  CHECK(slept);
  throw std::runtime_error("the child failed");
}

Task<> spawn_failing(net::TaskGroup& children) {
  children.spawn(child_throws());
  co_return;
}

Task<> run_failing_job(std::vector<std::string>& notes) {
  std::vector<std::string> of_frame;
  auto job = [&of_frame](net::TaskGroup& children) { return failing_job(children, of_frame); };
  std::string what;
  try {
    (void)co_await net::with_children(std::move(job));
  } catch (const std::runtime_error& failure) {
    what = failure.what();
  }
  notes = of_frame;
  notes.push_back(what);
}

Task<> run_ending_job(std::vector<std::string>& notes) {
  auto job = [&notes](net::TaskGroup& children) { return ending_job(children, notes); };
  const int value = co_await net::with_children(std::move(job));
  notes.push_back(std::to_string(value));
}

Task<> run_failing_child(std::string& what) {
  try {
    co_await net::with_children(spawn_failing);
  } catch (const std::runtime_error& failure) {
    what = failure.what();
  }
}

Task<> fails_twice(int& runs) {
  if (++runs < 3) throw std::runtime_error("once more");
  co_return;
}

}  // namespace

TEST_CASE("an event wakes all who wait, and lets through who comes later") {
  Notes notes;
  run([&] { return two_wait(notes); });
  CHECK(notes == Notes{"c late", "a woken", "b woken", "d woken"});
}

TEST_CASE("whoever waits for an event that goes is not left waiting") {
  Notes notes;
  run([&] { return event_goes(notes); });
  CHECK(notes == Notes{"a late"});
}

TEST_CASE("a job that throws leaves no child behind") {
  Notes notes;
  run([&] { return run_failing_job(notes); });
  CHECK(notes.back() == "the job failed");
}

TEST_CASE("a job that ends gives its value once its children have ended") {
  Notes notes;
  run([&] { return run_ending_job(notes); });
  CHECK(notes.back() == "7");
}

TEST_CASE("what a child throws reaches whoever waits for it") {
  std::string what;
  run([&] { return run_failing_child(what); });
  CHECK(what == "the child failed");
}

TEST_CASE("a loop that is needed starts anew after what it threw, and each time is logged") {
  Notes lines;
  set_log(LogLevel::error, [&lines](LogLevel, const std::string& line) { lines.push_back(line); });
  int runs = 0;
  run([&] { return net::keep_running("a loop", [&runs] { return fails_twice(runs); }); });
  CHECK(runs == 3);
  CHECK(lines == Notes{"a loop: once more"});
  set_log(LogLevel::error, {});
}

TEST_CASE("a job that is cancelled leaves no child behind either") {
  Notes notes;
  run([&] { return cancel_parent(notes); });
  CHECK(notes == Notes{"child ended first"});
}
