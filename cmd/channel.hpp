#pragma once

#include <memory>
#include <string_view>

#include "cmd/write_queue.hpp"

namespace lsend::cmd {

/// Standard output or error, a whole text at a time. It is written at once, whoever has to wait for
/// that, until there is a queue that waits instead. Once writing has failed (a pipe whose reader
/// left, a full disk) it says no more: that is no reason to stop a transfer.
class Channel {
 public:
  explicit Channel(int descriptor) : descriptor_(descriptor) {}

  /// From now on.
  void write_by(std::shared_ptr<WriteQueue> queue) { queue_ = std::move(queue); }
  /// False when it was dropped, because nobody reads.
  bool write(std::string_view text, Worth worth = Worth::kept);
  int descriptor() const { return descriptor_; }
  /// Why writing failed, as errno; 0 while all is well.
  int error() const { return queue_ && error_ == 0 ? queue_->error() : error_; }
  /// What it is written by, if anything.
  WriteQueue* queue() const { return queue_.get(); }

 private:
  int descriptor_;
  int error_ = 0;
  std::shared_ptr<WriteQueue> queue_;
};

}  // namespace lsend::cmd
