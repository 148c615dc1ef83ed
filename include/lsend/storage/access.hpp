#pragma once

#include <sys/types.h>

#include <optional>

namespace lsend::storage {

/// Who may use what arrives (lsend-receive(1)). What is not said here follows the folder and the
/// umask.
struct Access {
  bool shared = false;           ///< the folder may be one that others can write
  std::optional<unsigned> mode;  ///< of files, exactly; folders have x where it has r
  std::optional<gid_t> group;    ///< of files and folders
};

}  // namespace lsend::storage
