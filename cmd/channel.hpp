#pragma once

#include <string_view>

namespace lsend::cmd {

/// Standard output or error, a whole text at a time and at once. Once writing has failed (a pipe
/// whose reader left, a full disk) it says no more: that is no reason to stop a transfer.
class Channel {
 public:
  explicit Channel(int descriptor) : descriptor_(descriptor) {}

  void write(std::string_view text);
  int descriptor() const { return descriptor_; }
  /// Why writing failed, as errno; 0 while all is well.
  int error() const { return error_; }

 private:
  int descriptor_;
  int error_ = 0;
};

}  // namespace lsend::cmd
