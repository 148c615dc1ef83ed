#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "lsend/model/result.hpp"

namespace lsend {

/// Bytes that leave this host: a file, a spool, memory.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills `buffer` from the front and gives how many bytes; 0 at the end.
  virtual Result<std::size_t> read(std::span<std::byte> buffer) = 0;
  /// A descriptor to wait for before each read(), where reading may block (a pipe); -1 where it
  /// does not (a disk).
  virtual int blocking_descriptor() const { return -1; }
  /// Asked where reading may block, when all announced bytes were read and input is there or over:
  /// is it over? An error keeps the last bytes back, so that nobody takes a part for the whole.
  virtual Result<> check_end() { return {}; }
  /// When all was read: what a person should know of it, a whole sentence; mostly empty.
  virtual std::string remark() const { return {}; }
};

}  // namespace lsend
