#pragma once

#include <memory>

#include "lsend/app/events.hpp"
#include "lsend/net/event.hpp"

namespace lsend::app {

/// Whoever looks on may read slowly or not at all. A transfer waits here before it makes more to
/// tell; nobody else does.
class OutputRoom {
 public:
  /// While it lives the sink never waits for its reader. Without a sink there is always room.
  OutputRoom(net::Executor executor, ProgressSink* sink);
  OutputRoom(const OutputRoom&) = delete;
  OutputRoom& operator=(const OutputRoom&) = delete;
  ~OutputRoom();

  bool full() const;
  /// False when `limit` has passed first.
  net::Task<bool> wait(TimePoint limit);
  /// Everything is about to end, and nothing waits any more.
  void release();

 private:
  struct State;
  std::shared_ptr<State> state_;
  ProgressSink* sink_;
};

}  // namespace lsend::app
