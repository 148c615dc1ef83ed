#pragma once

#include <sys/stat.h>

#include <limits>
#include <optional>

#include "lsend/model/time.hpp"

namespace lsend::storage {

/// The modification time; nothing where it is beyond what nanoseconds can count (1677 to 2262).
inline std::optional<FileTime> modified_of(const struct stat& status) {
  const auto& time = status.st_mtim;
  constexpr auto limit = std::numeric_limits<std::int64_t>::max() / 1'000'000'000 - 1;
  if (time.tv_sec > limit || time.tv_sec < -limit) return std::nullopt;
  return FileTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace lsend::storage
