#pragma once

#include <functional>
#include <vector>

#include "lib/app/api_handler.hpp"
#include "lib/app/hooks.hpp"
#include "lib/app/receive_admission.hpp"
#include "lib/app/receive_book.hpp"
#include "lib/app/receive_store.hpp"
#include "lsend/protocol/multipart.hpp"

namespace lsend::app {

class FormUpload;

/// Takes transfers: joins the wire, the session rules and the disk. A file goes through here from
/// request head to published name.
class ReceiveHandler final : public ApiHandler {
 public:
  using SessionPtr = ReceiveBook::SessionPtr;

  ReceiveHandler(const Node& node, DeviceHeard heard, const ReceiveOptions& options,
                 const Deciders& deciders, const storage::Inbox& inbox, BlockingPool& pool,
                 Hooks& hooks, ProgressSink& sink, OutputRoom& room);

  const ReceiveReport& report() const { return book_.report(); }
  /// Transfers that have ended, messages included.
  std::size_t ended() const { return book_.ended(); }
  /// Sessions that run now.
  std::vector<SessionPtr> running() const { return book_.slot().sessions(); }
  void options_changed() { admission_.options_changed(); }
  /// Ends what has reached its limit. Called about once a second.
  void sweep();
  /// When the next limit passes.
  std::optional<TimePoint> next_deadline() const { return book_.slot().next_deadline(); }
  /// Brings to the disk what ended transfers left (ReceiveStore); tells when that failed.
  Task<> flush_rest();
  /// Ends all sessions; their uploads fail and their parts are removed.
  void abort_all();
  /// Told when the last wanted transfer has ended, its last answer is out and no other runs.
  std::function<void()> on_transfer_end;

 protected:
  protocol::Ability ability() const override { return admission_.ability(); }
  Task<std::string> trouble() override;
  Task<> prepare_upload(Request& request) override;
  Task<> upload(Request& request) override;
  Task<> cancel(Request& request) override;
  Task<> send_form(Request& request) override;
  Task<> clipboard(Request& request) override;

 private:
  class Attempt;

  /// What programs that are no LocalSend send (receive_form.cpp).
  Task<Result<>> read_form(net::Exchange& exchange, protocol::MultipartParser& parser,
                           FormUpload& form, const SessionPtr& session);
  void finish_request();
  /// A file is there: those who wait for it hear of it.
  void stored(const net::Exchange& exchange, const transfer::ReceiveSession& session,
              const FileInfo& file, const storage::StoredFile& stored, std::uint64_t from = 0);
  /// What came of an upload, beside its file.
  struct Course {
    std::uint64_t from = 0;   ///< where it began
    std::uint64_t moved = 0;  ///< bytes that came
    bool got_on = false;      ///< it failed, and what came stays
  };
  Task<Result<storage::StoredFile>> store(net::Exchange& exchange,
                                          const transfer::UploadSlot::Upload& upload,
                                          std::optional<std::uint64_t> offset, Course& course);
  Task<bool> go_on(net::Exchange& exchange, const PrepareUpload& request);
  Task<> make_way(net::Exchange& exchange, const PrepareUpload& request);
  Task<Result<>> copy_body(net::Exchange& exchange, const transfer::UploadSlot::Upload& upload,
                           storage::PartFile& part, Course& course);

  const ReceiveOptions& options_;
  const storage::Inbox& inbox_;
  ReceiveBook book_;
  BlockingPool& pool_;
  ReceiveResume resume_;
  ReceiveAdmission admission_;
  ReceiveStore store_;
  Hooks& hooks_;
  ProgressSink& sink_;
  OutputRoom& room_;
};

}  // namespace lsend::app
