#pragma once

#include "lib/app/send_news.hpp"

namespace lsend::app {

/// Asks the peer to take files, for as long as it is busy and --wait says.
class SendAsker {
 public:
  SendAsker(SendSession& session, SendNews& news) : session_(session), news_(news) {}

  /// Offers what the plan has to offer. True when files are to be uploaded, false when the peer
  /// wants nothing (or has read the message).
  Task<Result<bool>> prepare();

  /// A request is out, and the peer may be waiting for us.
  bool pending() const { return pending_; }
  /// The connection that asked, for the first upload.
  ClientPtr take_client() { return std::move(client_); }

 private:
  /// What may be done once more after a refusal.
  struct Patience;

  std::string request();
  Task<Result<net::Reply>> ask(const std::string& body);
  Result<bool> take_grant(const std::string& json);
  void take_nothing(bool all_present);
  void tell_skipped();
  Task<bool> ask_after_break(const Error& error, Patience& patience);
  Task<bool> ask_after_refusal(const Error& error, const net::Reply& reply, Patience& patience);
  Task<bool> ask_with_other_pin(Patience& patience);

  SendSession& session_;
  SendNews& news_;
  ClientPtr client_;
  bool pending_ = false;
  std::size_t offered_ = 0;
};

}  // namespace lsend::app
