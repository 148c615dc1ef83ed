#pragma once

#include <memory>

#include "lsend/net/http_client.hpp"

namespace lsend::app {

/// One limit over a whole call, from the first packet to the last byte of the answer: the limits of
/// the connection itself start anew with each step, which a slow peer could add up. When it is over
/// the connection is aborted, and what waits on it fails with Errc::cancelled.
class CallLimit {
 public:
  CallLimit(Executor executor, Duration limit) : state_(std::make_shared<State>(executor, limit)) {
    state_->timer.async_wait([state = state_](const net::error_code& ec) {
      if (ec || !state->wanted) return;
      if (state->connecting.abort) state->connecting.abort();
      if (state->client) state->client->abort();
    });
  }
  CallLimit(const CallLimit&) = delete;
  CallLimit& operator=(const CallLimit&) = delete;
  ~CallLimit() {
    state_->wanted = false;
    state_->timer.cancel();
  }

  /// For ConnectOptions.
  net::Connecting* connecting() { return &state_->connecting; }
  /// From now on it is this connection, which has to outlive the limit.
  void watch(net::HttpClient& client) { state_->client = &client; }

 private:
  /// Shared with the timer's handler, which may run once more afterwards.
  struct State {
    State(Executor executor, Duration limit) : timer(executor, limit) {}
    net::Timer timer;
    net::Connecting connecting;
    net::HttpClient* client = nullptr;
    bool wanted = true;
  };

  std::shared_ptr<State> state_;
};

}  // namespace lsend::app
