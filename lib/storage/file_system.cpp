#include "file_system.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace lsend::storage {

bool is_local(const struct statfs& system) {
  static constexpr std::array<std::uint32_t, 5> kLocal{
      EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, TMPFS_MAGIC};
  const auto type = static_cast<std::uint32_t>(system.f_type);
  return std::find(kLocal.begin(), kLocal.end(), type) != kLocal.end();
}

bool has_labels() {
  static const bool has =
      access("/sys/fs/selinux/enforce", F_OK) == 0 || access("/sys/fs/smackfs/load2", F_OK) == 0;
  return has;
}

}  // namespace lsend::storage
