#pragma once

#include <optional>
#include <string>

#include "lib/app/api_handler.hpp"
#include "lib/app/receive_book.hpp"
#include "lsend/transfer/pin_guard.hpp"

namespace lsend::app {

/// Who may send, and which files: a request from its head to its session or its refusal, judged in
/// the order PIN, body, busy, rules (cli.md, receive).
class ReceiveAdmission {
 public:
  using Request = ApiHandler::Request;
  using SessionPtr = ReceiveBook::SessionPtr;

  ReceiveAdmission(const ReceiveOptions& options, const storage::Inbox& inbox, ReceiveBook& book);

  /// What the head tells: the PIN, and a body that we can read.
  Result<> check_head(const Request& request);
  /// The body of a request whose head is right.
  Task<Result<std::string>> read_json(const Request& request);
  Task<Result<PrepareUpload>> read_prepare(const Request& request,
                                           const protocol::DeviceDefaults& defaults);

  /// Nothing in the result: a message, delivered.
  Result<std::optional<PrepareUploadReply>> admit(const Request& request, PrepareUpload message);
  /// A form names no files beforehand: its session has none until they come.
  Result<SessionPtr> admit_form(const Request& request);

 private:
  Result<> check_names(const PrepareUpload& message) const;
  Result<transfer::Decision> judge(const PrepareUpload& message) const;

  const ReceiveOptions& options_;
  const storage::Inbox& inbox_;
  ReceiveBook& book_;
  transfer::PinGuard pins_;
  transfer::AcceptPolicy policy_;
  std::uint64_t json_in_flight_ = 0;  ///< bytes of prepare bodies that are being read
};

/// Who sends a form or a clipboard says nothing of itself.
DeviceInfo nameless_device(const net::Exchange& exchange);

/// How a form is told of when it is refused after it was let in.
RequestEvent form_event(const net::Exchange& exchange);

}  // namespace lsend::app
