#include "private_parts.hpp"

#include <dirent.h>

#include <memory>

#include "lsend/storage/disk_name.hpp"
#include "part_folder.hpp"
#include "publish.hpp"

namespace lsend::storage {
namespace {

constexpr mode_t kOthers = 077;

bool is_part_or_label(std::string_view name, std::string_view prefix) {
  return is_part_name(name, prefix) || part_of_label(name, prefix).has_value();
}

/// What NFS and FUSE leave of a file that was removed while it was open.
bool is_remainder(std::string_view name) {
  return name.starts_with(".nfs") || name.starts_with(".fuse_hidden");
}

}  // namespace

bool is_private_folder(std::string_view name, const std::string& path, const struct stat& status) {
  if (!is_part_folder(name) || !S_ISDIR(status.st_mode)) return false;
  const bool closed = (status.st_mode & kOthers) == 0;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (!folder) return closed;
  bool parts = false;
  bool others = false;
  while (const dirent* const entry = readdir(folder.get())) {
    const std::string_view found(entry->d_name);
    if (found == "." || found == ".." || is_remainder(found)) continue;
    (is_part_or_label(found, "") || is_probe_folder(found, "") ? parts : others) = true;
  }
  return !others || (parts && closed);
}

bool is_private_file(std::string_view folder, std::string_view name) {
  return is_part_or_label(name, kHiddenPrefix) ||
         (is_part_folder(folder) && is_part_or_label(name, ""));
}

bool is_private_probe(std::string_view folder, std::string_view name) {
  return is_probe_folder(name, kHiddenPrefix) ||
         (is_part_folder(folder) && is_probe_folder(name, ""));
}

bool PrivateParts::contain(const std::filesystem::path& real, const struct stat& status) {
  const auto name = real.filename().string();
  const auto parent = real.parent_path();
  const auto folder = parent.filename().string();
  if (S_ISDIR(status.st_mode))
    return is_private_probe(folder, name) || is_private_folder(name, real.native(), status);
  if (is_private_probe(parent.parent_path().filename().string(), folder)) return true;
  if (is_private_file(folder, name)) return true;
  if (!is_part_folder(folder)) return false;
  if (asked_ == parent.native()) return is_private_;
  asked_ = parent.native();
  struct stat above {};
  is_private_ = stat(asked_.c_str(), &above) == 0 && is_private_folder(folder, asked_, above);
  return is_private_;
}

}  // namespace lsend::storage
