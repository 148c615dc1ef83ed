#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "lsend/model/result.hpp"
#include "lsend/model/time.hpp"
#include "lsend/storage/unique_fd.hpp"

namespace lsend::storage {

/// Small files that several processes of one user read and change: read it, or take the lock, read,
/// change and write_file_atomically(). Readers need no lock.

/// The whole text of a regular file; nothing when there is none. Errc::io for anything that cannot
/// be read or is longer than `most` bytes.
Result<std::optional<std::string>> read_small_file(const std::filesystem::path& path,
                                                   std::size_t most);

/// flock(2) on a file of its own, 0600 and made if missing: a rename replaces the file itself. It
/// ends with this object and with the process.
class FileLock {
 public:
  /// Blocks for `limit` at most, and no longer once `stop` is true (Errc::cancelled); Errc::io.
  static Result<FileLock> take(const std::filesystem::path& path, Duration limit,
                               const std::atomic<bool>* stop = nullptr);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace lsend::storage
