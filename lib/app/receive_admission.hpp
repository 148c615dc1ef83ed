#pragma once

#include <string>

#include "lib/app/acceptance.hpp"
#include "lib/app/api_handler.hpp"
#include "lib/app/blocking_pool.hpp"
#include "lib/app/output_room.hpp"
#include "lib/app/receive_book.hpp"
#include "lib/app/receive_resume.hpp"
#include "lib/app/request_reader.hpp"

namespace lsend::app {

/// Who may send, and which files: a request from its head to its session or its refusal, judged in
/// the order PIN, body (both by its reader), busy, rules (cli.md, receive).
class ReceiveAdmission {
 public:
  using Request = ApiHandler::Request;
  using SessionPtr = ReceiveBook::SessionPtr;

  ReceiveAdmission(const storage::Home& home, const ReceiveOptions& options,
                   const Deciders& deciders, const storage::Inbox& inbox, BlockingPool& pool,
                   ReceiveBook& book, ReceiveResume& resume, OutputRoom& room);

  /// Whether a sha256 that is announced is of no use here, now that options may change.
  protocol::Ability ability() const;

  Task<Result<>> check_head(const Request& request) { return reader_.check_head(request); }
  Task<Result<std::string>> read_json(const Request& request) { return reader_.read_json(request); }
  using Offer = RequestReader::Offer;
  Task<Result<Offer>> read_prepare(const Request& request,
                                   const protocol::DeviceDefaults& defaults);
  /// The answer to an offer that was kept out.
  Error turn_away(const net::Exchange& exchange, const Offer& offer);

  /// `reply` without tokens: nothing is to be sent, and a message was delivered.
  struct Admitted {
    SessionPtr session;
    PrepareUploadReply reply;
    bool all_present = false;  ///< no file needs to come, as all are here
  };
  Task<Result<Admitted>> admit(const Request& request, PrepareUpload message);
  /// A form names no files beforehand: its session has none until they come.
  Task<Result<SessionPtr>> admit_form(const Request& request);
  /// Whether the sender of a session that was let in may go on from where it calls now.
  bool may_move(const net::Exchange& exchange, const transfer::ReceiveSession& session);
  /// A form that was let in has brought no file.
  void form_failed(const Request& request, const SessionPtr& session, const Error& error);
  /// The options are not what they were.
  void options_changed() {
    reader_.options_changed();
    acceptance_.options_changed();
  }
  /// Nobody decides any more: this process is on its way out.
  void stop() {
    stopping_ = true;
    acceptance_.stop();
  }

 private:
  class Opened;

  Task<Result<>> wait_for_room(net::Exchange& exchange, SessionPtr session);
  /// Bytes in the private folder, when the request came.
  struct Here {
    std::uint64_t kept = 0;      ///< of the request's own files
    std::uint64_t leftover = 0;  ///< of others that broke off, where that counts
  };
  Task<Here> look(const net::Exchange& exchange, const PrepareUpload& message);
  Result<> check(const PrepareUpload& message, const Here& here) const;
  Task<Result<std::vector<std::size_t>>> passing(const PrepareUpload& message);
  RequestEvent describe(const net::Exchange& exchange, const PrepareUpload& message);

  const ReceiveOptions& options_;
  const storage::Inbox& inbox_;
  BlockingPool& pool_;
  ReceiveBook& book_;
  ReceiveResume& resume_;
  RequestReader reader_;
  Acceptance acceptance_;
  OutputRoom& room_;
  bool stopping_ = false;
};

}  // namespace lsend::app
