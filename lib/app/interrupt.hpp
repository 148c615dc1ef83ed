#pragma once

#include <functional>
#include <list>
#include <optional>

#include "lsend/app/stop_signal.hpp"
#include "lsend/model/result.hpp"

namespace lsend::app {

/// The sentence for a signal that asks to stop.
Error stop_error(Errc reason);

/// What stop_signal() says from now on; the first reason stays.
void note_stop(Errc reason);
/// The user wants the end at once.
void hasten_stop();

/// The wish to stop, a user's or that of a failure which nobody handled, as a job sees it: a flag
/// to ask and a call to be told. A job that is told closes its connections, so that what it waits
/// for fails, and tidies up on its way out.
class Interrupt {
 public:
  using Callback = std::function<void()>;

  /// Takes its callback back when it dies.
  class Subscription {
   public:
    Subscription(Interrupt& interrupt, Callback callback)
        : interrupt_(interrupt),
          place_(interrupt.callbacks_.insert(interrupt.callbacks_.end(), std::move(callback))) {}
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    ~Subscription() { interrupt_.callbacks_.erase(place_); }

   private:
    Interrupt& interrupt_;
    std::list<Callback>::iterator place_;
  };

  bool requested() const { return reason_.has_value(); }
  /// Only when requested().
  const Error& error() const { return *reason_; }
  /// The first reason stays.
  void request(Error reason) {
    if (reason_) return;
    reason_ = std::move(reason);
    const auto callbacks = callbacks_;
    for (const auto& callback : callbacks) callback();
  }
  void request(Errc reason) { request(stop_error(reason)); }

 private:
  std::optional<Error> reason_;
  std::list<Callback> callbacks_;
};

}  // namespace lsend::app
