#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "lsend/model/result.hpp"
#include "lsend/storage/access.hpp"
#include "lsend/storage/unique_fd.hpp"

namespace lsend::storage {

/// What a new file takes from the folder that it is made in.
struct FolderRules {
  unsigned writers = 0;         ///< S_IWGRP and S_IWOTH, where the folder has them
  bool gives_group = false;     ///< setgid
  gid_t group = 0;
  std::vector<std::byte> acl;  ///< its default access list, as the kernel stores it; empty = none
};
FolderRules rules_of(int folder_fd);

/// Modes, groups and access lists of what arrives: as the user says, else as cp makes them of a file
/// that everybody may read and write. A file that others can write lies only where others can write.
class Arrival {
 public:
  Arrival(const Access& access, unsigned umask) : access_(access), umask_(umask) {}

  /// Of files in a folder of these rules. `executable`: with x where r is.
  unsigned file_mode(const FolderRules& rules, bool executable) const;
  /// For mkdir(2), which takes the umask away.
  unsigned folder_mode(const FolderRules& rules) const;
  /// Gives a folder that was just made what mkdir(2) did not.
  Result<> settle_folder(int folder_fd) const;
  /// Makes a part that has `mode` and `group` what it has to be as a file in the folder at
  /// `folder_fd`, whose path is `path`. Folders are looked at once a second at most.
  Result<> settle_file(int fd, unsigned mode, gid_t group, int folder_fd, const std::string& path,
                       bool executable);

 private:
  const FolderRules& rules_at(int folder_fd, const std::string& path);

  Access access_;
  unsigned umask_;
  FolderRules last_;
  std::string last_path_;
  std::chrono::steady_clock::time_point last_look_{};
};

/// The access list that a file made with `mode` gets from a folder's default one (acl(5), object
/// creation); empty where a mode says as much, which is then the new value of `mode`, or where
/// `acl` is malformed.
std::vector<std::byte> inherited_acl(const std::vector<std::byte>& acl, unsigned& mode);

}  // namespace lsend::storage
