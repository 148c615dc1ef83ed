#include "lib/app/runtime.hpp"

#include <csignal>
#include <vector>

namespace lsend::app {

namespace {

// So that the end comes within the two seconds that cli.md promises.
constexpr Duration kGrace = std::chrono::milliseconds(1800);
/// Signals that come together say one thing.
constexpr Duration kOneWish = std::chrono::milliseconds(100);

Errc reason_of(int number) {
  switch (number) {
    case SIGTERM:
      return Errc::terminated;
    case SIGHUP:
      return Errc::hung_up;
    case SIGQUIT:
      return Errc::quit;
    default:
      return Errc::interrupted;
  }
}

}  // namespace

Runtime::Runtime(ProgressSink* sink, Hangup hangup)
    : context_(std::make_unique<net::asio::io_context>(1)),
      signals_(*context_, SIGINT, SIGTERM),
      questions_(*context_),
      force_(executor()),
      room_(executor(), sink),
      on_stop_(interrupt_, [this] { limit_the_end(); }) {
  net::error_code ignored;
  if (hangup == Hangup::stop && !ignored_at_start(SIGHUP)) signals_.add(SIGHUP, ignored);
  if (!ignored_at_start(SIGQUIT)) signals_.add(SIGQUIT, ignored);
  wait_for_signal();
  if (sink) wait_for_question(*sink);
}

/// What escapes from a job is its own; from anything else it ends the job in an orderly way.
void Runtime::run_context() {
  while (true) {
    try {
      context_->run();
      return;
    } catch (...) {
      failed_ = true;
      interrupt_.request(error_of(std::current_exception()));
    }
  }
}

/// A job that was stopped by force still has suspended coroutines, which refer to objects that die
/// now: their frames are never taken apart, not even by the destructor of a static object.
void Runtime::abandon() {
  static auto& abandoned = *new std::vector<std::unique_ptr<net::asio::io_context>>;
  abandoned.push_back(std::move(context_));
  // Nobody reads signals any more: another one ends what may still wait for a thread.
  (void)std::signal(SIGINT, SIG_DFL);
  (void)std::signal(SIGTERM, SIG_DFL);
  if (!ignored_at_start(SIGQUIT)) (void)std::signal(SIGQUIT, SIG_DFL);
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
    if (!ec) take_signal(number);
  });
}

void Runtime::take_signal(int number) {
  const bool again = interrupt_.requested();
  // A terminal that closes says nothing to who is about to end.
  const bool said = number == SIGHUP || Clock::now() - asked_ < kOneWish;
  if (again && !said) {
    hasten_stop();
    context_->stop();
    return;
  }
  wait_for_signal();
  interrupt_.request(reason_of(number));
}

/// From the moment on in which it is asked to stop.
void Runtime::limit_the_end() {
  asked_ = Clock::now();
  note_stop(interrupt_.error().code());
  room_.release();
  force_.expires_after(kGrace);
  force_.async_wait([this](const net::error_code& cancelled) {
    if (!cancelled) context_->stop();
  });
}

}  // namespace lsend::app
