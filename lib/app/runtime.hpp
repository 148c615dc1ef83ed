#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>

#include "lib/app/guarded.hpp"
#include "lib/app/interrupt.hpp"
#include "lib/app/output_room.hpp"
#include "lsend/app/events.hpp"
#include "lsend/net/asio.hpp"

namespace lsend::app {

using net::Executor;
using net::Task;

/// What SIGHUP means to a command.
enum class Hangup : std::uint8_t {
  stop,   ///< nobody is left who wants its work; under nohup it goes on
  other,  ///< somebody else waits for it
};

/// The io_context of a command with its signals: the first SIGINT, SIGTERM, SIGHUP or SIGQUIT asks
/// the job to stop and gives it two seconds, the second ends it at once. `timeout` and shells send
/// theirs twice in a row, which is one.
class Runtime {
 public:
  /// With somebody who looks on SIGUSR1 is an event.
  explicit Runtime(ProgressSink* sink = nullptr, Hangup hangup = Hangup::stop);
  Executor executor() { return context_->get_executor(); }
  Interrupt& interrupt() { return interrupt_; }
  OutputRoom& room() { return room_; }
  /// Who knows what a StatusEvent says; has to outlive run().
  void answer_with(std::function<StatusEvent()> status) { status_ = std::move(status); }

  /// Runs a job to its end. Without a result (stopped by force) the interrupt's error. An exception
  /// is a failure; one that no job has thrown asks the job to stop first, as a signal does.
  template <class T>
  Result<T> run(Task<Result<T>> job) {
    std::optional<Result<T>> result;
    std::exception_ptr failure;
    net::asio::co_spawn(*context_, std::move(job), [&](std::exception_ptr thrown, Result<T> value) {
      failure = thrown;
      if (!failure) result.emplace(std::move(value));
      context_->stop();
    });
    run_context();
    if (!result) abandon();
    if (failure) return error_of(failure);
    if (failed_ || !result) return interrupt_.error();
    return std::move(*result);
  }

 private:
  void run_context();
  void wait_for_signal();
  void take_signal(int number);
  void wait_for_question(ProgressSink& sink);
  void limit_the_end();
  void abandon();

  std::unique_ptr<net::asio::io_context> context_;
  net::asio::signal_set signals_;
  net::asio::signal_set questions_;
  net::Timer force_;
  Interrupt interrupt_;
  OutputRoom room_;
  const Interrupt::Subscription on_stop_;
  TimePoint asked_{};  ///< when it was asked to stop
  bool failed_ = false;
  std::function<StatusEvent()> status_;
};

}  // namespace lsend::app
