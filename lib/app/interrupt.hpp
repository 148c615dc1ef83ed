#pragma once

#include <functional>
#include <list>
#include <optional>

#include "lsend/model/result.hpp"

namespace lsend::app {

/// The user's wish to stop, as a job sees it: a flag to ask and a call to be told. A job that is
/// told closes its connections, so that what it waits for fails, and tidies up on its way out.
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
  /// Errc::interrupted or Errc::terminated; only when requested().
  Error error() const {
    const bool term = *reason_ == Errc::terminated;
    return fail(*reason_, term ? "terminated" : "interrupted");
  }
  void request(Errc reason) {
    if (reason_) return;
    reason_ = reason;
    const auto callbacks = callbacks_;
    for (const auto& callback : callbacks) callback();
  }

 private:
  std::optional<Errc> reason_;
  std::list<Callback> callbacks_;
};

}  // namespace lsend::app
