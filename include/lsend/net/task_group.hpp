#pragma once

#include <memory>

#include "lsend/net/asio.hpp"

namespace lsend::net {

/// Owns the coroutines that a job has started. No coroutine is started any other way, so none can
/// outlive its job unnoticed or lose its error.
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

/// Waits, or returns early with false when cancelled.
Task<bool> sleep_for(Duration duration);

}  // namespace lsend::net
