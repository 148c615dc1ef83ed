#pragma once

#include <string>
#include <vector>

#include "lsend/model/result.hpp"

namespace lsend::storage {

/// Inside the inbox: files on their way in live here.
inline constexpr char kPartFolder[] = ".lsend";

/// Gives the part the name that `components` say below `root_fd`, or the next free one, and never
/// replaces anything. Gives the components of where it is now.
Result<std::vector<std::string>> publish(int root_fd, int part_folder_fd,
                                         const std::string& part_name,
                                         std::vector<std::string> components);

}  // namespace lsend::storage
