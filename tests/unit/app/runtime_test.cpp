#include "lib/app/runtime.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <csignal>
#include <functional>
#include <stdexcept>
#include <vector>

#include "catch.hpp"
#include "lsend/net/task_group.hpp"

using namespace lsend;
using namespace lsend::app;

namespace {

using Clock = lsend::Clock;

/// Ends when it is asked to stop, with what it was asked.
Task<Result<int>> until_stopped(Interrupt& interrupt) {
  while (!interrupt.requested()) {
    co_await net::sleep_for(Duration(1));
  }
  co_return static_cast<int>(interrupt.error().code());
}

Task<Result<int>> throws() {
  co_await net::sleep_for(Duration(1));
  throw std::runtime_error("bad luck");
}

Task<Result<int>> never() {
  co_await net::sleep_for(std::chrono::hours(1));
  co_return 0;
}

/// In a process of its own: what a signal does holds for the whole of it.
int in_child(const std::function<int()>& run) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(run());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int run_with(std::vector<int> signals) {
  Runtime runtime;
  for (const int number : signals) (void)std::raise(number);
  auto result = runtime.run(until_stopped(runtime.interrupt()));
  return result ? *result : -1;
}

}  // namespace

TEST_CASE("each signal that ends a command asks its job to stop, and says which one it was") {
  CHECK(in_child([] { return run_with({SIGINT}); }) == static_cast<int>(Errc::interrupted));
  CHECK(in_child([] { return run_with({SIGTERM}); }) == static_cast<int>(Errc::terminated));
  CHECK(in_child([] { return run_with({SIGHUP}); }) == static_cast<int>(Errc::hung_up));
  CHECK(in_child([] { return run_with({SIGQUIT}); }) == static_cast<int>(Errc::quit));
}

TEST_CASE("two of a kind that come together are one wish, and a hang-up hastens nothing") {
  // `timeout` sends its signal to the process and to its group.
  CHECK(in_child([] { return run_with({SIGTERM, SIGTERM}); }) ==
        static_cast<int>(Errc::terminated));
  CHECK(in_child([] { return run_with({SIGTERM, SIGHUP}); }) ==
        static_cast<int>(Errc::terminated));
  // The kernel hands out what is pending in an order of its own.
  CHECK(in_child([] { return run_with({SIGHUP, SIGTERM}); }) == static_cast<int>(Errc::hung_up));
}

TEST_CASE("a second wish ends a job at once") {
  const auto run = [] {
    Runtime runtime;
    (void)std::raise(SIGTERM);
    // A person's; what comes together with the first is one wish.
    net::Timer later(runtime.executor(), Duration(300));
    later.async_wait([](const net::error_code&) { (void)std::raise(SIGINT); });
    const auto began = Clock::now();
    const auto result = runtime.run(never());
    const bool hurried = Clock::now() - began < std::chrono::milliseconds(1500);
    // Which of two pending signals is seen first is the kernel's choice.
    return !result && is_stop(result.error().code()) && hurried ? 1 : 0;
  };
  CHECK(in_child(run) == 1);
}

TEST_CASE("a job that cannot stop is ended after its time") {
  const auto run = [] {
    Runtime runtime;
    (void)std::raise(SIGTERM);
    const auto result = runtime.run(never());
    const auto stop = stop_signal();
    const bool told = stop && stop->reason == Errc::terminated;
    return told && !result && result.error() == fail(Errc::terminated, "terminated") ? 1 : 0;
  };
  CHECK(in_child(run) == 1);
}

TEST_CASE("a job's exception is a failure") {
  const auto run = [] {
    Runtime runtime;
    const auto result = runtime.run(throws());
    return !result && result.error() == fail(Errc::failed, "bad luck") ? 1 : 0;
  };
  CHECK(in_child(run) == 1);
}

TEST_CASE("an exception of anything else asks the job to stop, so that it can tell its peer") {
  const auto run = [] {
    Runtime runtime;
    bool told = false;
    const Interrupt::Subscription on_stop(runtime.interrupt(), [&] { told = true; });
    net::asio::post(runtime.executor(), [] { throw std::runtime_error("bad luck"); });
    const auto result = runtime.run(until_stopped(runtime.interrupt()));
    return told && !result && result.error() == fail(Errc::failed, "bad luck") ? 1 : 0;
  };
  CHECK(in_child(run) == 1);
}

TEST_CASE("what a job gives or throws, for who goes on") {
  net::asio::io_context context;
  std::vector<Error> errors;
  const auto note = [&](std::exception_ptr thrown, Result<int> result) {
    REQUIRE_FALSE(thrown);
    errors.push_back(result ? Error() : result.error());
  };
  net::asio::co_spawn(context, guarded(throws()), note);
  context.run();
  REQUIRE(errors.size() == 1);
  CHECK(errors[0] == fail(Errc::failed, "bad luck"));
  CHECK(error_of(std::make_exception_ptr(std::bad_alloc())).message() == "out of memory");
}
