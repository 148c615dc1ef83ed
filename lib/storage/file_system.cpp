#include "file_system.hpp"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

namespace lsend::storage {

bool is_local(const struct statfs& system) {
  static constexpr std::array<std::uint32_t, 5> kLocal{
      EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, TMPFS_MAGIC};
  const auto type = static_cast<std::uint32_t>(system.f_type);
  return std::find(kLocal.begin(), kLocal.end(), type) != kLocal.end();
}

bool has_labels() {
  // What cannot be looked at may be there.
  const auto may_be_there = [](const char* path) {
    struct stat status {};
    return stat(path, &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
  };
  static const bool has =
      may_be_there("/sys/fs/selinux/enforce") || may_be_there("/sys/fs/smackfs/load2");
  return has;
}

}  // namespace lsend::storage
