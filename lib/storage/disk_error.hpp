#pragma once

#include <cerrno>
#include <string>

#include "lsend/model/result.hpp"

namespace lsend::storage {

/// The error for a failed system call on this host's disk: full disks, quotas and file size limits
/// are Errc::no_space, names that the file system cannot hold Errc::name_refused, the rest
/// Errc::io.
inline Error disk_error(std::string what, int error_number) {
  Errc code = Errc::io;
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG) {
    code = Errc::no_space;
  } else if (error_number == ENAMETOOLONG || error_number == EILSEQ) {
    code = Errc::name_refused;
  }
  return fail_errno(code, std::move(what), error_number);
}

/// The file system, or a filter of system calls, does not offer the call: EPERM is what some say
/// who know no modes and no links.
inline bool is_unsupported(int error_number) {
  return error_number == EINVAL || error_number == ENOSYS || error_number == EPERM ||
         error_number == EOPNOTSUPP;
}

}  // namespace lsend::storage
