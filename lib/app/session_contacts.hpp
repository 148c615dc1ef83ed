#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "lsend/net/http_server.hpp"
#include "lsend/transfer/receive_session.hpp"

namespace lsend::app {

/// The connections over which sessions were asked for and served: whether their senders are there.
class SessionContacts {
 public:
  using Session = transfer::ReceiveSession;

  void add(const Session& session, std::shared_ptr<const net::Contact> contact);
  /// Of a session that has no connections here nothing is said. Whether those that it has are silent
  /// is only asked `closely`: it takes a system call for each.
  transfer::Attendance of(const Session& session, bool closely = false);
  void forget(const Session& session) { contacts_.erase(&session); }

 private:
  struct Contacts {
    std::vector<std::shared_ptr<const net::Contact>> open;
    std::shared_ptr<const net::Contact> last;  ///< that ended
  };
  std::unordered_map<const Session*, Contacts> contacts_;
};

}  // namespace lsend::app
