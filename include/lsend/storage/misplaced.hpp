#pragma once

#include <filesystem>
#include <string>

namespace lsend::storage {

/// Why files that are made in the folder behind `folder_fd` are not where a user looks for them,
/// below `named`: see Inbox::misplaced(). An empty text when all is well.
std::string why_misplaced(int folder_fd, const std::filesystem::path& named);

}  // namespace lsend::storage
