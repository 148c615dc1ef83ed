#pragma once

#include <memory>
#include <vector>

#include "lsend/net/event.hpp"
#include "lsend/net/http_server.hpp"
#include "lsend/transfer/upload_slot.hpp"

namespace lsend::app {

/// The requests that belong to sessions, so that the end of a session reaches each of them.
class SessionRequests {
 public:
  using SessionPtr = transfer::UploadSlot::SessionPtr;

  SessionRequests() = default;
  SessionRequests(const SessionRequests&) = delete;
  SessionRequests& operator=(const SessionRequests&) = delete;

  /// A request is in the list for as long as this lives.
  class Entry {
   public:
    Entry(SessionRequests& requests, SessionPtr session, net::Exchange& exchange);
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry();

   private:
    SessionRequests& requests_;
    net::Exchange& exchange_;
  };

  /// Ends the connections of one session, and waits until none of its uploads runs or `limit` has
  /// passed.
  net::Task<> end_uploads(SessionPtr session, TimePoint limit);

  bool empty() const { return running_.empty(); }
  /// Whatever the requests of ended sessions wait for ends; they can still answer.
  void wake_ended();
  /// Ends the connections of those whose session was let in.
  void abort_active();

 private:
  struct Running {
    SessionPtr session;
    net::Exchange* exchange;
  };
  std::vector<Running> running_;
  std::vector<net::Event*> waiting_;  ///< for one of them to end
};

}  // namespace lsend::app
