#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lsend/model/result.hpp"
#include "lsend/storage/unique_fd.hpp"

namespace lsend::storage {

class Arrival;

/// A peer's file name as harmless path components (reliability.md 5.2): '/' and '\' separate;
/// empty, blank and "." components and a drive's letter in front go; control characters (C0, DEL,
/// C1, U+2028/9) become '_', a component over 255 bytes is cut on a character boundary keeping its
/// extension, nothing left is "untitled". Never decoded or normalised. Never empty.
/// Errc::name_refused for a ".." component, more than 32 components, a path over 1024 bytes
/// after cleaning, or text that is no UTF-8.
Result<std::vector<std::string>> clean_file_name(std::string_view file_name);

/// "a/b/c.txt" of the components.
std::string join_components(const std::vector<std::string>& components);

/// "photo.jpg", 2 -> "photo (2).jpg". The extension starts at the last dot that is not the first
/// character. The result stays within 255 bytes and valid UTF-8.
std::string numbered_name(std::string_view name, unsigned number);

/// Opens the folder `components` below `root_fd`, making what is missing (0755 less umask, or as
/// `arrival` says), and never leaves it: openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS), or
/// component by component with O_NOFOLLOW where the kernel has no openat2. Errc::name_refused when
/// a symlink or a file stands where a folder is needed, Errc::no_space, Errc::io.
Result<UniqueFd> open_folder_beneath(int root_fd, const std::vector<std::string>& components,
                                     const Arrival* arrival = nullptr);

/// The same for a folder that is there: Errc::not_found when it is not.
Result<UniqueFd> find_folder_beneath(int root_fd, const std::vector<std::string>& components);

}  // namespace lsend::storage
