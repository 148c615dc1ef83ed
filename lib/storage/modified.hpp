#pragma once

#include <sys/stat.h>

#include <limits>

#include "lsend/model/time.hpp"

namespace lsend::storage {

/// The modification time; none where it is beyond what nanoseconds can count.
inline FileTime modified_of(const struct stat& status) {
  const auto& time = status.st_mtim;
  constexpr auto limit = std::numeric_limits<std::int64_t>::max() / 1'000'000'000 - 1;
  if (time.tv_sec > limit || time.tv_sec < -limit) return {};
  return FileTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace lsend::storage
