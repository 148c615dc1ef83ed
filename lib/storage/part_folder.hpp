#pragma once

#include <sys/stat.h>

#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lsend/storage/inbox.hpp"

namespace lsend::storage {

/// Makes, or finds, the private folder of this user below `root_fd`, and checks it (Inbox::open()).
/// `folder` is for the texts.
/// `shared`: the disk need not keep others from writing it.
Result<PartFolder> open_part_folder(const std::filesystem::path& folder, int root_fd, bool shared);

/// Does once, with an empty file, what each file will need: a part is made, moved without replacing
/// anything, and removed. Errc::io says what of it cannot be done here. A disk that is full is no
/// reason.
Result<> try_publishing(const std::filesystem::path& folder, int root_fd, const PartFolder& parts,
                        const std::string& prefix);

/// Finds out, by a file, what this disk makes of files of ours. Errc::usage when it does not take the
/// mode or group of `access`.
Result<> try_file(const std::filesystem::path& folder, PartFolder& parts, const std::string& prefix,
                  const Access& access);

/// A file of ours alone.
bool is_own(const struct stat& status, const PartFolder& parts);

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
std::optional<PartLabel> read_label(const PartFolder& folder, const std::string& part_name);
/// temporary file, fsync, rename, fsync of the folder.
Result<> write_label(int folder_fd, const std::string& part_name, const PartLabel& label);

}  // namespace lsend::storage
