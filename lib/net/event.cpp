#include "lsend/net/event.hpp"

#include <list>

namespace lsend::net {

struct Event::State {
  struct Waiter {
    explicit Waiter(Executor executor) : timer(executor) {}
    Timer timer;
    bool woken = false;
  };

  explicit State(Executor on) : executor(on) {}
  void wake(bool woken) {
    for (auto& waiter : waiters) {
      waiter.woken = waiter.woken || woken;
      waiter.timer.cancel();
    }
  }

  Executor executor;
  bool set = false;
  std::list<Waiter> waiters;
};

namespace {

/// A place in a list, given back on every way out, a destroyed frame's too.
template <class List>
class Place {
 public:
  template <class... Args>
  explicit Place(List& list, Args&&... args)
      : list_(list), place_(list.emplace(list.end(), std::forward<Args>(args)...)) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { list_.erase(place_); }
  auto* operator->() { return &*place_; }

 private:
  List& list_;
  typename List::iterator place_;
};

}  // namespace

Event::Event(Executor executor) : state_(std::make_shared<State>(executor)) {}

Event::~Event() { state_->wake(false); }

void Event::set() {
  state_->set = true;
  state_->wake(true);
}

void Event::clear() { state_->set = false; }

bool Event::is_set() const { return state_->set; }

Task<bool> Event::wait(TimePoint limit) {
  // The event may go while somebody waits for it.
  const auto state = state_;
  if (state->set) co_return true;
  Place waiter(state->waiters, state->executor);
  waiter->timer.expires_at(limit);
  co_await waiter->timer.async_wait(use_tuple);
  co_return waiter->woken;
}

}  // namespace lsend::net
