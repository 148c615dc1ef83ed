#include "lib/app/watched_work.hpp"

namespace lsend::app {

namespace {
constexpr Duration kLookEvery = std::chrono::milliseconds(100);
}

net::Task<> WatchedWork::watch_session() {
  while (!done_ && session_->running() && Clock::now() < limit_) {
    session_->touch(Clock::now());
    co_await over_->wait(Clock::now() + kLookEvery);
  }
  if (!done_) *stop_ = true;
}

net::Task<> WatchedWork::watch_sender() {
  // Somebody else may wake the exchange because the session has ended.
  while (!done_ && !gone_ && session_->running()) {
    co_await exchange_.until_peer_leaves();
    gone_ = !done_ && session_->running();
  }
  if (!done_) *stop_ = true;
}

}  // namespace lsend::app
