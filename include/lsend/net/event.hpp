#pragma once

#include <memory>

#include "lsend/net/asio.hpp"

namespace lsend::net {

/// Something that coroutines of one loop wait for: set() lets through all who wait and whoever comes
/// later, until clear().
class Event {
 public:
  explicit Event(Executor executor);
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  /// Whoever still waits goes on, as if the limit had passed.
  ~Event();

  void set();
  void clear();
  bool is_set() const;
  /// True once it is set, also when it was cleared again before this coroutine ran; false when
  /// `limit` has passed first. A cancelled wait is a limit that has passed.
  Task<bool> wait(TimePoint limit = TimePoint::max());

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lsend::net
