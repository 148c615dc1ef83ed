#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "lsend/model/result.hpp"

namespace lsend::storage {

/// What a fenced process may still do with the files below a place.
enum class Below : std::uint8_t {
  read,    ///< open files whose names it knows
  list,    ///< read, and list folders
  remove,  ///< take files away
  change,  ///< list, and make, write, replace and take away regular files
  fill,    ///< change, and make and take away folders, and move files between them
};

struct FencePlace {
  std::filesystem::path path;  ///< a folder or a file; one that is not there is left out
  Below rights = Below::read;
  int descriptor = -1;  ///< of the place itself, where it is open already: stands for `path`
};

/// The version of Landlock's interface that this kernel offers. Errc::failed, with the reason,
/// where it offers none or one that cannot move files between folders (ABI 1, before Linux 5.19).
Result<int> landlock_abi();

/// From now on this thread, and threads and processes that it starts, reach no file by name but
/// those below `places`, and gain no privileges by execve(2) (reliability.md 9.3.2). What is open
/// stays usable; names can be resolved and looked at with stat(2) everywhere. Gives the ABI.
/// Errc::failed when the kernel cannot: privileges cannot be gained all the same, and nothing else
/// has changed.
Result<int> raise_fence(std::span<const FencePlace> places);

}  // namespace lsend::storage
