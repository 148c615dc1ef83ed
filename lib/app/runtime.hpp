#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <optional>

#include "lib/app/interrupt.hpp"
#include "lsend/app/events.hpp"
#include "lsend/net/asio.hpp"

namespace lsend::app {

using net::Executor;
using net::Task;

/// The io_context of a command with its signals: the first SIGINT or SIGTERM asks the job to stop
/// and gives it two seconds, the second ends it at once.
class Runtime {
 public:
  /// With somebody who looks on SIGUSR1 is an event.
  explicit Runtime(ProgressSink* sink = nullptr);
  Executor executor() { return context_->get_executor(); }
  Interrupt& interrupt() { return interrupt_; }
  /// Who knows what a StatusEvent says; has to outlive run().
  void answer_with(std::function<StatusEvent()> status) { status_ = std::move(status); }

  /// Runs a job to its end. Without a result (stopped by force) the interrupt's error.
  template <class T>
  Result<T> run(Task<Result<T>> job) {
    std::optional<Result<T>> result;
    std::exception_ptr failure;
    net::asio::co_spawn(*context_, std::move(job), [&](std::exception_ptr thrown, Result<T> value) {
      failure = thrown;
      result.emplace(std::move(value));
      context_->stop();
    });
    context_->run();
    if (result && !failure) return std::move(*result);
    abandon();
    if (failure) std::rethrow_exception(failure);
    return interrupt_.error();
  }

 private:
  void wait_for_signal();
  void wait_for_question(ProgressSink& sink);
  void abandon();

  std::unique_ptr<net::asio::io_context> context_;
  net::asio::signal_set signals_;
  net::asio::signal_set questions_;
  net::Timer force_;
  Interrupt interrupt_;
  std::function<StatusEvent()> status_;
};

}  // namespace lsend::app
