#pragma once

#include "lib/app/blocking_pool.hpp"
#include "lib/app/runtime.hpp"
#include "lsend/app/receive.hpp"
#include "lsend/net/http_server.hpp"
#include "lsend/transfer/upload_slot.hpp"

namespace lsend::app {

/// From the bytes of a file that are all there to a file with a name, as durable as the user asked.
///
/// `--fsync=file`: bytes, then name, then folders are on the disk before the file is acknowledged.
/// `--fsync=session`: small transfers likewise; larger ones are brought to the disk together before
/// their last file is acknowledged. Until then a power cut can take files that were acknowledged,
/// or leave them under their names without their bytes: a sender that saw its transfer end well
/// finds all of it, any other sends again.
class ReceiveStore {
 public:
  using Upload = transfer::UploadSlot::Upload;

  ReceiveStore(const ReceiveOptions& options, const storage::Inbox& inbox, BlockingPool& pool)
      : options_(options), inbox_(inbox), pool_(pool) {}

  /// What a file has to be, by its announcement.
  Result<storage::PublishTerms> terms_of(const FileInfo& file) const;
  /// PartFile::seal(), without holding up everybody. Both outlive it.
  Task<Result<>> seal(storage::PartFile& part, const storage::PublishTerms& terms);
  /// Asks the session once more right before the file appears: Errc::cancelled when it has ended.
  Task<Result<storage::StoredFile>> publish(storage::PartFile& part, storage::PublishTerms terms,
                                            Upload upload, net::Exchange& exchange);
  /// A sealed part to standard output, for as long as it takes: Errc::cancelled as soon as the
  /// session has ended or the sender has gone.
  Task<Result<storage::StoredFile>> hand_over(const storage::PartFile& part,
                                              transfer::UploadSlot::SessionPtr session,
                                              net::Exchange& exchange);
  /// Standard output has some of a file: it cannot begin anew.
  bool output_begun() const { return output_begun_; }
  /// A file was published and nothing of it flushed.
  void published_unflushed() { unflushed_ = options_.durability != Durability::none; }
  /// Brings to the disk what a transfer left unflushed that did not end with its last file.
  Task<Result<>> flush_rest();

 private:
  Task<Result<storage::StoredFile>> publish_flushed(storage::PartFile& part,
                                                    storage::PublishTerms terms, Upload upload);
  Task<Result<storage::StoredFile>> publish_rescued(const storage::PartFile& lost,
                                                    storage::PublishTerms terms, Upload upload);
  Task<> start_flush(const storage::PartFile& part);
  bool flushes_each(const transfer::ReceiveSession& session) const;

  const ReceiveOptions& options_;
  const storage::Inbox& inbox_;
  BlockingPool& pool_;
  bool unflushed_ = false;
  bool output_begun_ = false;
};

}  // namespace lsend::app
