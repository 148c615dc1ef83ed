#include "part_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace lsend::storage {
namespace {

/// Another's lock, and not a file system that has none.
bool is_taken(int error) { return error == EWOULDBLOCK || error == EACCES; }

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

PartLock lock_part(int fd) {
  const bool by_file = flock(fd, LOCK_EX | LOCK_NB) == 0;
  if (!by_file && is_taken(errno)) return PartLock::taken;
  auto whole = whole_file();
  if (fcntl(fd, F_OFD_SETLK, &whole) == 0) return PartLock::ours;
  if (is_taken(errno)) return PartLock::taken;
  return by_file ? PartLock::ours : PartLock::none;
}

bool is_part_locked(int fd) {
  auto whole = whole_file();
  if (fcntl(fd, F_OFD_GETLK, &whole) == 0) return whole.l_type != F_UNLCK;
  // Only flock is left: asking takes it for a moment, and lock_part() tries more than once.
  return flock(fd, LOCK_SH | LOCK_NB) != 0;
}

}  // namespace lsend::storage
