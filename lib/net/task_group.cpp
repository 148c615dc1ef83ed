#include "lsend/net/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <list>
#include <string_view>

#include "lsend/model/log.hpp"

namespace lsend::net {

bool is_cancellation(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

namespace {

void log_thrown(std::string_view who, const std::exception_ptr& failure) noexcept {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& known) {
    log_failure(who, known.what(), Clock::now());
  } catch (...) {
    log_failure(who, "an exception of an unknown kind", Clock::now());
  }
}

}  // namespace

struct TaskGroup::State {
  explicit State(Executor executor) : idle(executor) { idle.expires_at(TimePoint::max()); }

  Timer idle;  ///< cancelled to wake join()
  std::list<asio::cancellation_signal> running;
  std::exception_ptr failure;
};

TaskGroup::TaskGroup(Executor executor) : state_(std::make_shared<State>(executor)) {}

TaskGroup::~TaskGroup() { cancel(); }

void TaskGroup::spawn(Task<> task) {
  auto signal = state_->running.emplace(state_->running.end());
  auto on_end = [state = state_, signal](std::exception_ptr failure) {
    if (failure && !is_cancellation(failure)) {
      log_thrown("lsend", failure);
      if (!state->failure) state->failure = failure;
    }
    state->running.erase(signal);
    if (state->running.empty()) state->idle.cancel();
  };
  try {
    asio::co_spawn(state_->idle.get_executor(), std::move(task),
                   asio::bind_cancellation_slot(signal->slot(), std::move(on_end)));
  } catch (...) {
    // No memory for it: nobody may wait for what has not begun.
    state_->running.erase(signal);
    throw;
  }
}

void TaskGroup::cancel() {
  // A child that ends at once erases itself from the list while we walk it.
  auto state = state_;
  for (auto signal = state->running.begin(); signal != state->running.end();) {
    auto current = signal++;
    current->emit(asio::cancellation_type::terminal);
  }
}

std::size_t TaskGroup::size() const { return state_->running.size(); }

Task<> TaskGroup::join() {
  auto state = state_;
  // Whoever is cancelled while it waits here must not unwind under its children's feet.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  bool cancelled = false;
  while (!state->running.empty()) {
    const auto asked = co_await asio::this_coro::cancellation_state;
    if (asked.cancelled() != asio::cancellation_type::none && !cancelled) {
      cancelled = true;
      cancel();
      continue;
    }
    state->idle.expires_at(TimePoint::max());
    co_await state->idle.async_wait(use_tuple);
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (cancelled) throw boost::system::system_error(asio::error::operation_aborted);
  if (state->failure) std::rethrow_exception(std::exchange(state->failure, nullptr));
}

Task<> keep_running(std::string name, std::function<Task<>()> start) {
  constexpr Duration kBreath{1000};
  while (true) {
    std::exception_ptr failure;
    try {
      auto running = start();
      co_await std::move(running);
    } catch (...) {
      failure = std::current_exception();
    }
    if (!failure) co_return;
    if (is_cancellation(failure)) std::rethrow_exception(failure);
    log_thrown(name, failure);
    const bool slept = co_await sleep_for(kBreath);
    if (!slept) co_return;
  }
}

Task<bool> sleep_for(Duration duration) {
  const auto executor = co_await asio::this_coro::executor;
  Timer timer(executor, duration);
  auto [ec] = co_await timer.async_wait(use_tuple);
  co_return !ec;
}

}  // namespace lsend::net
