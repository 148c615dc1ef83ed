#pragma once

namespace lsend::storage {

enum class PartLock {
  ours,   ///< nobody else goes on with the part while it is open
  taken,  ///< somebody else holds it, or looks at it right now
  none,   ///< this file system has no locks
};

/// Marks an open part as in use until its last descriptor is closed: with flock(2), which every
/// program sees, and with a lock of the open file (F_OFD_SETLK), which can be asked for without
/// taking it. Either will do where the file system has only one. Never waits.
PartLock lock_part(int fd);

/// Asks without taking anything, so that nobody's lock_part() fails for it. Also true where the
/// file system cannot tell.
bool is_part_locked(int fd);

}  // namespace lsend::storage
