#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lsend/model/messages.hpp"
#include "lsend/model/result.hpp"

namespace lsend::transfer {

struct AcceptLimits {
  std::size_t max_files = 100'000;
  std::optional<std::uint64_t> max_size;       ///< bytes, a session
  std::optional<std::uint64_t> max_file_size;  ///< bytes
  std::uint64_t min_free = 200'000'000;        ///< bytes to be left on the disk
};

/// What a request comes to before anyone is asked.
struct Decision {
  enum class Kind : std::uint8_t { accept, message, decline } kind = Kind::decline;
  std::vector<std::size_t> files;  ///< accept: indices into the request's files
};

/// The sum of the announced sizes; Errc::limit when it does not fit 64 bits.
Result<std::uint64_t> total_size(const PrepareUpload& request);

/// The rules of `receive`, without sockets and disks.
class AcceptPolicy {
 public:
  AcceptPolicy(bool auto_accept, AcceptLimits limits)
      : auto_accept_(auto_accept), limits_(limits) {}

  /// `free_space` in bytes, less what running sessions still may write. Errc::limit when the
  /// request is over a limit, Errc::no_space when the disk has no room.
  Result<Decision> judge(const PrepareUpload& request, std::uint64_t free_space) const;

 private:
  bool auto_accept_;
  AcceptLimits limits_;
};

}  // namespace lsend::transfer
