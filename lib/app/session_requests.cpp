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
}

void SessionRequests::wake_ended() {
  for (const auto& running : running_)
    if (!running.session->running()) running.exchange->wake();
}

void SessionRequests::abort_of(const SessionPtr& session) {
  for (const auto& running : running_)
    if (running.session == session) running.exchange->abort();
}

void SessionRequests::abort_active() {
  for (const auto& running : running_)
    if (running.session->was_active()) running.exchange->abort();
}

}  // namespace lsend::app
