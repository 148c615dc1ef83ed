#pragma once

#include <boost/asio/this_coro.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "lsend/net/asio.hpp"

namespace lsend::net {

/// Owns the coroutines that a job has started. No coroutine is started any other way, so none can
/// outlive its job unnoticed or lose its error: what one throws is logged at once, since whoever joins
/// may do so much later.
class TaskGroup {
 public:
  explicit TaskGroup(Executor executor);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  /// Children still running are cancelled; join() before is the orderly way.
  ~TaskGroup();

  /// The task must not refer to anything that dies before join() returns.
  void spawn(Task<> task);
  /// Terminal cancellation of every child: its pending operation ends with operation_aborted and
  /// its next co_await throws.
  void cancel();
  std::size_t size() const;
  /// Waits until no child runs; cancelled itself, it cancels the children and waits for them all
  /// the same. Rethrows the first exception that was no cancellation.
  Task<> join();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Runs `job`, a function that takes the group of its children and gives a Task, and returns what it
/// gave. The children are waited for on every way out; when the job throws they are cancelled first.
/// So what they refer to may live in the frame of whoever awaits this, and none is left on a dead
/// one. The job is moved in: it may be a lambda with captures that calls a named coroutine, and has a
/// name of its own where this is called (g++ 12, R2).
template <class Job>
std::invoke_result_t<Job&, TaskGroup&> with_children(Job job) {
  using Value = typename std::invoke_result_t<Job&, TaskGroup&>::value_type;
  constexpr bool gives = !std::is_void_v<Value>;
  const auto executor = co_await asio::this_coro::executor;
  TaskGroup children(executor);
  std::exception_ptr failure;
  std::optional<std::conditional_t<gives, Value, std::monostate>> value;
  try {
    auto running = job(children);
    if constexpr (gives)
      value.emplace(co_await std::move(running));
    else
      co_await std::move(running);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) children.cancel();
  // Who is cancelled already must not unwind before its children have ended either.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  try {
    co_await children.join();
  } catch (...) {
    // The job's own failure came first.
    if (!failure) failure = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (failure) std::rethrow_exception(failure);
  if constexpr (gives) co_return std::move(*value);
}

/// Is it how a cancelled coroutine unwinds, and no failure?
bool is_cancellation(const std::exception_ptr& failure);

/// Runs what `start` gives, and once more each time that it has thrown: for loops that a process
/// cannot do without. `name` says in the log what failed.
Task<> keep_running(std::string name, std::function<Task<>()> start);

/// Waits, or returns early with false when cancelled.
Task<bool> sleep_for(Duration duration);

}  // namespace lsend::net
