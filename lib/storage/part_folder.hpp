#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lsend/storage/inbox.hpp"

namespace lsend::storage {

// What lies in an inbox's private folder: parts under random names, and beside some of them a
// label, "<part>.json".

std::string label_name(std::string_view part_name);
/// Exactly the names that create_part() gives.
bool is_part_name(std::string_view name, std::string_view prefix);
/// The part that a label's name belongs to; nothing for other names.
std::optional<std::string> part_of_label(std::string_view name, std::string_view prefix);

/// All names, whatever they are. Empty when the folder cannot be read.
std::vector<std::string> names_in(int folder_fd);

/// The label of a part, where it is a file of ours alone, and whole.
std::optional<PartLabel> read_label(int folder_fd, const std::string& part_name);
/// temporary file, fsync, rename, fsync of the folder.
Result<> write_label(int folder_fd, const std::string& part_name, const PartLabel& label);

}  // namespace lsend::storage
