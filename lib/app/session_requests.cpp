#include "lib/app/session_requests.hpp"

#include <utility>

namespace lsend::app {

SessionRequests::Entry::Entry(SessionRequests& requests, SessionPtr session,
                              net::Exchange& exchange)
    : requests_(requests), exchange_(exchange) {
  requests_.running_.push_back(Running{std::move(session), &exchange_});
}

SessionRequests::Entry::~Entry() {
  std::erase_if(requests_.running_,
                [this](const Running& running) { return running.exchange == &exchange_; });
  for (auto* event : requests_.waiting_) event->set();
}

void SessionRequests::wake_ended() {
  for (const auto& running : running_)
    if (!running.session->running()) running.exchange->wake();
}

namespace {

/// Among those who wait, as long as it lives.
class Waiting {
 public:
  Waiting(std::vector<net::Event*>& list, net::Event& event) : list_(list), event_(event) {
    list_.push_back(&event_);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { std::erase(list_, &event_); }

 private:
  std::vector<net::Event*>& list_;
  net::Event& event_;
};

}  // namespace

net::Task<> SessionRequests::end_uploads(SessionPtr session, TimePoint limit) {
  const auto executor = co_await net::asio::this_coro::executor;
  net::Event ended(executor);
  const Waiting waiting(waiting_, ended);
  for (const auto& running : running_)
    if (running.session == session) running.exchange->abort();
  while (session->receiving() && Clock::now() < limit) {
    ended.clear();
    (void)co_await ended.wait(limit);
  }
}

void SessionRequests::abort_active() {
  for (const auto& running : running_)
    if (running.session->was_active()) running.exchange->abort();
}

}  // namespace lsend::app
