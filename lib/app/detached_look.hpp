#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "lsend/model/time.hpp"

namespace lsend::app {

/// Looks again and again at what may never answer, such as a disk whose server has gone: each time
/// on a thread of its own that nobody waits for, one at most.
class DetachedLook {
 public:
  using Look = std::function<std::string()>;

  /// `look` owns all that it uses: it may still be at work when everybody else has gone.
  explicit DetachedLook(Look look) : state_(std::make_shared<State>()) {
    state_->look = std::move(look);
  }

  /// Nothing while a look is under way.
  void start(TimePoint now) {
    if (since_) return;
    since_ = now;
    const auto work = [state = state_] {
      auto answer = state->look();
      const std::lock_guard lock(state->guard);
      state->answer = std::move(answer);
    };
    try {
      std::thread(work).detach();
    } catch (const std::system_error&) {
      work();  // without threads everybody waits
    }
  }

  /// Once per look; nothing before it has ended.
  std::optional<std::string> take_answer() {
    const std::lock_guard lock(state_->guard);
    if (state_->answer) since_.reset();
    return std::exchange(state_->answer, std::nullopt);
  }

  /// When the look began that has not been heard of yet.
  const std::optional<TimePoint>& since() const { return since_; }

 private:
  struct State {
    Look look;
    std::mutex guard;
    std::optional<std::string> answer;
  };
  std::shared_ptr<State> state_;
  std::optional<TimePoint> since_;
};

}  // namespace lsend::app
