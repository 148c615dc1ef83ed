#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "lib/app/receive_store.hpp"
#include "lsend/app/receive.hpp"
#include "lsend/protocol/multipart.hpp"
#include "lsend/storage/inbox.hpp"
#include "lsend/transfer/receive_session.hpp"

namespace lsend::app {

/// The files of one form on their way to the disk. Nobody announced them, so that all limits are
/// kept as the bytes arrive.
class FormUpload final : public protocol::FormHandler {
 public:
  using SessionPtr = std::shared_ptr<transfer::ReceiveSession>;
  using Report = std::function<void(const FileInfo&, const Result<storage::StoredFile>&)>;

  /// `report` hears how each file ended.
  FormUpload(SessionPtr session, const storage::Inbox& inbox, const ReceiveOptions& options,
             ReceiveStore& store, Report report, std::uint64_t leftover);
  FormUpload(const FormUpload&) = delete;
  FormUpload& operator=(const FormUpload&) = delete;
  ~FormUpload() override;

  Result<> begin_file(std::string name) override;
  Result<> file_bytes(std::span<const std::byte> bytes) override;
  Result<> end_file() override;

  /// Finishes what would have held up everybody: files that are slow to seal.
  Task<Result<>> settle();
  /// A file for standard output waits for hand_over().
  bool holds_a_file() const { return held_.has_value(); }
  Task<Result<>> hand_over(net::Exchange& exchange);

  /// Ends the session: finished, or cancelled with the file that was arriving.
  void end(const Result<>& outcome);

 private:
  Result<> open_file(std::string name);
  Result<> check_limits(std::uint64_t more) const;
  Result<> take_room(std::uint64_t bytes);
  Result<> publish(transfer::UploadTicket ticket, storage::PartFile& part,
                   const storage::PublishTerms& terms);
  std::vector<transfer::UploadTicket> open_tickets() const;
  const FileInfo& file() const { return session_->files()[ticket_->file].info; }

  SessionPtr session_;
  const storage::Inbox& inbox_;
  const ReceiveOptions& options_;
  ReceiveStore& store_;
  Report report_;
  std::optional<transfer::UploadTicket> ticket_;  ///< of the file that is arriving
  std::optional<storage::PartFile> part_;
  storage::PublishTerms terms_;
  struct Held {
    transfer::UploadTicket ticket;
    storage::PartFile part;
    storage::PublishTerms terms;
  };
  std::deque<Held> slow_;     ///< whole, for settle()
  std::optional<Held> held_;  ///< whole, for standard output
  bool skipping_ = false;     ///< a file that is not wanted is passing by
  bool nameless_ = false;     ///< a file without a name has begun: none, unless it has bytes
  std::uint64_t total_ = 0;   ///< bytes of all files so far
  std::uint64_t room_ = 0;    ///< bytes that may be written before the disk is asked again
  std::uint64_t leftover_;    ///< bytes of broken transfers, which count too
  bool ended_ = false;
};

}  // namespace lsend::app
