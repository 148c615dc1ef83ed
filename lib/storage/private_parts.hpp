#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace lsend::storage {

// What a receiver keeps to itself is nobody's to send: it has not arrived yet.

/// Is this folder, whose own name is `name`, the private one of a receiver? It is when it is called
/// `.lsend`, or `.lsend-UID`, and holds nothing but parts, their labels and folders for
/// asking the disk, or such and its mode keeps everyone else out; one that we may not read when its
/// mode is 0700. A folder of that name that somebody made for other purposes is a folder like all
/// others.
bool is_private_folder(std::string_view name, const std::string& path, const struct stat& status);

/// Is a regular file of this name, in a folder of that name, a part or a label: of an inbox, or
/// beside a file that `receive --output` takes?
bool is_private_file(std::string_view folder, std::string_view name);

/// Is a folder of this name, in a folder of that name, one in which a receiver asks the disk about
/// names?
bool is_private_probe(std::string_view folder, std::string_view name);

/// One of them by its real place, or anything else in a private folder. What cannot be looked at is
/// neither.
class PrivateParts {
 public:
  /// `real`: as real_path() gives it.
  bool contain(const std::filesystem::path& real, const struct stat& status);

 private:
  std::string asked_;  ///< the folder that was looked at last
  bool is_private_ = false;
};

}  // namespace lsend::storage
