#include "lib/app/runtime.hpp"

#include <csignal>
#include <vector>

namespace lsend::app {

namespace {
// So that the end comes within the two seconds that cli.md promises.
constexpr Duration kGrace = std::chrono::milliseconds(1800);
}  // namespace

Runtime::Runtime(ProgressSink* sink)
    : context_(std::make_unique<net::asio::io_context>(1)),
      signals_(*context_, SIGINT, SIGTERM),
      questions_(*context_),
      force_(executor()) {
  wait_for_signal();
  if (sink) wait_for_question(*sink);
}

/// A job that was stopped by force still has suspended coroutines, which refer to objects that die
/// now: their frames are never taken apart, not even by the destructor of a static object.
void Runtime::abandon() {
  static auto& abandoned = *new std::vector<std::unique_ptr<net::asio::io_context>>;
  abandoned.push_back(std::move(context_));
  // Nobody reads signals any more: another one ends what may still wait for a thread.
  (void)std::signal(SIGINT, SIG_DFL);
  (void)std::signal(SIGTERM, SIG_DFL);
}

void Runtime::wait_for_question(ProgressSink& sink) {
  net::error_code ignored;
  questions_.add(SIGUSR1, ignored);
  questions_.async_wait([this, &sink](const net::error_code& ec, int) {
    if (ec) return;
    sink.on(status_ ? status_() : StatusEvent());
    wait_for_question(sink);
  });
}

void Runtime::wait_for_signal() {
  signals_.async_wait([this](const net::error_code& ec, int number) {
    if (ec) return;
    if (interrupt_.requested()) {
      context_->stop();
      return;
    }
    wait_for_signal();
    force_.expires_after(kGrace);
    force_.async_wait([this](const net::error_code& cancelled) {
      if (!cancelled) context_->stop();
    });
    interrupt_.request(number == SIGTERM ? Errc::terminated : Errc::interrupted);
  });
}

}  // namespace lsend::app
