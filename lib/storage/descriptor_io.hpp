#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <span>

namespace lsend::storage {

/// read(2), begun anew when a signal interrupts it. Less than 0: errno says why.
inline ssize_t read_some(int fd, std::span<std::byte> buffer) {
  ssize_t count = 0;
  do {
    count = ::read(fd, buffer.data(), buffer.size());
  } while (count < 0 && errno == EINTR);
  return count;
}

/// pread(2) in the same way.
inline ssize_t read_some_at(int fd, std::span<std::byte> buffer, std::uint64_t offset) {
  ssize_t count = 0;
  do {
    count = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(offset));
  } while (count < 0 && errno == EINTR);
  return count;
}

/// Writes all of it; 0, or the errno.
inline int write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return 0;
}

/// The same, at an offset of a file.
inline int write_all_at(int fd, std::span<const std::byte> bytes, off_t offset) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += count;
  }
  return 0;
}

}  // namespace lsend::storage
