#include "lib/app/hold_back.hpp"

#include "lsend/net/task_group.hpp"

namespace lsend::app {

namespace {

using SessionPtr = transfer::UploadSlot::SessionPtr;

constexpr Duration kTouchEvery = std::chrono::seconds(1);

struct Held {
  OutputRoom& room;
  net::Exchange& exchange;
  SessionPtr session;
  bool free = false;
};

net::Task<> wake_when_free(Held& held) {
  while (held.session->running() && !held.free) {
    held.free = co_await held.room.wait(Clock::now() + kTouchEvery);
    held.session->touch(Clock::now());
  }
  held.exchange.wake();
}

net::Task<bool> watch(Held& held, net::TaskGroup& children) {
  // What follows a request without a body is the next one: that is not read away.
  if (held.exchange.head().framing.content_length == std::uint64_t{0}) {
    co_await wake_when_free(held);
    co_return held.free && held.session->running();
  }
  children.spawn(wake_when_free(held));
  bool gone = false;
  // Somebody else may wake the exchange because the session has ended.
  while (!held.free && held.session->running() && !gone) {
    co_await held.exchange.until_peer_leaves();
    gone = !held.free && held.session->running();
  }
  children.cancel();
  co_return held.free && held.session->running();
}

}  // namespace

net::Task<bool> hold_back(OutputRoom& room, net::Exchange& exchange, SessionPtr session) {
  Held held{room, exchange, std::move(session)};
  auto job = [&held](net::TaskGroup& children) { return watch(held, children); };
  const bool free = co_await net::with_children(std::move(job));
  co_return free;
}

}  // namespace lsend::app
