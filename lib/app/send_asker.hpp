#pragma once

#include "lib/app/send_news.hpp"

namespace lsend::app {

/// Asks the peer to take the files, for as long as it is busy and --wait says.
class SendAsker {
 public:
  SendAsker(SendSession& session, SendNews& news) : session_(session), news_(news) {}

  /// True when files are to be uploaded, false when the peer wants nothing (or has read the
  /// message).
  Task<Result<bool>> prepare();

  /// A request is out, and the peer may be waiting for us.
  bool pending() const { return pending_; }
  bool nothing_needed() const { return nothing_needed_; }
  /// The connection that asked, for the first upload.
  ClientPtr take_client() { return std::move(client_); }

 private:
  Task<Result<net::Reply>> ask(const std::string& body);
  Result<bool> take_grant(const std::string& json);

  SendSession& session_;
  SendNews& news_;
  ClientPtr client_;
  bool pending_ = false;
  bool nothing_needed_ = false;
};

}  // namespace lsend::app
