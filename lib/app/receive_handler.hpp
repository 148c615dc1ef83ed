#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "lib/app/api_handler.hpp"
#include "lsend/app/receive.hpp"
#include "lsend/protocol/multipart.hpp"
#include "lsend/storage/inbox.hpp"
#include "lsend/transfer/pin_guard.hpp"
#include "lsend/transfer/progress.hpp"
#include "lsend/transfer/upload_slot.hpp"

namespace lsend::app {

/// Takes transfers: joins the wire, the session rules and the disk. A file goes through here from
/// request head to published name.
class ReceiveHandler final : public ApiHandler {
 public:
  using SessionPtr = transfer::UploadSlot::SessionPtr;

  ReceiveHandler(const Node& node, DeviceHeard heard, const ReceiveOptions& options,
                 const storage::Inbox& inbox, ProgressSink& sink);

  const ReceiveReport& report() const { return report_; }
  /// Sessions that run now.
  std::vector<SessionPtr> running() const { return slot_.sessions(); }
  /// Ends what has reached its limit. Called about once a second.
  void sweep();
  /// Ends all sessions; their uploads fail and their parts are removed.
  void abort_all();
  /// Told when a transfer has ended and its last answer is out.
  std::function<void()> on_transfer_end;

 protected:
  Task<> prepare_upload(Request& request) override;
  Task<> upload(Request& request) override;
  Task<> cancel(Request& request) override;
  Task<> send_form(Request& request) override;
  Task<> clipboard(Request& request) override;

 private:
  class Attempt;
  class Listed;
  struct Running {
    SessionPtr session;
    net::Exchange* exchange;
  };

  Result<> check_head(const Request& request);
  /// The body of a request with the right PIN.
  Task<Result<std::string>> read_json(const Request& request);
  Task<Result<PrepareUpload>> read_request(const Request& request);
  /// The rules for a request that was read. Nothing in the result: a message, delivered.
  Result<std::optional<PrepareUploadReply>> admit(const Request& request, PrepareUpload message);
  Result<> check_names(const PrepareUpload& message) const;
  std::uint64_t still_expected() const;
  /// What programs that are no LocalSend send (receive_form.cpp).
  Result<protocol::MultipartParser> check_form(const Request& request);
  Result<SessionPtr> admit_form(const Request& request);
  Task<Result<>> read_form(net::Exchange& exchange, protocol::MultipartParser& parser,
                           protocol::FormHandler& form, const SessionPtr& session);
  /// Takes the sessions that have ended out of the slot and tells of them.
  void settle();
  void finish_request();
  Task<Result<storage::StoredFile>> store(net::Exchange& exchange,
                                          const transfer::UploadSlot::Upload& upload,
                                          std::uint64_t& moved);
  Task<Result<>> copy_body(net::Exchange& exchange, const transfer::UploadSlot::Upload& upload,
                           storage::PartFile& part, std::uint64_t& moved);
  void take_back_progress(const transfer::ReceiveSession& session, std::uint64_t bytes);
  void abandon_session(const PeerAddress& sender);
  void deliver_message(const Request& request, const PrepareUpload& message);
  void report_request(RequestEvent event, const Error* refused);
  void report_file(const FileInfo& file, const Result<storage::StoredFile>& stored);
  void report_progress(const transfer::ReceiveSession& session, std::size_t bytes);
  void session_ended(const SessionPtr& session);

  const ReceiveOptions& options_;
  const storage::Inbox& inbox_;
  ProgressSink& sink_;
  transfer::PinGuard pins_;
  transfer::AcceptPolicy policy_;
  transfer::UploadSlot slot_;
  std::vector<Running> uploads_;
  ReceiveReport report_;
  std::uint64_t json_in_flight_ = 0;  ///< bytes of prepare bodies that are being read
  bool somebody_waits_ = false;       ///< a sender was told "busy" while this session runs
  std::size_t ended_ = 0;             ///< transfers, messages included
  TimePoint last_progress_{};
  std::unordered_map<SessionId, transfer::Progress> progress_;
};

}  // namespace lsend::app
