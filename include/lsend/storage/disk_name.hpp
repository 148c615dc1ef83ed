#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lsend/storage/inbox.hpp"

namespace lsend::storage {

/// The name that a file gets where the disk refuses its own, always the same one for a name:
/// '<', '>', ':', '"', '|', '?', '*', '\' and control characters become '_', and so do dots and
/// blanks at the end; "con.txt" and the other devices of Windows become "con_.txt".
std::string portable_name(std::string_view name);

/// The components of clean_file_name() as this disk takes them. Asks the disk, by making files in
/// the private folder, and only about components that some disks refuse: where one is refused its
/// portable_name() stands, shortened where it is too long for the disk, and without what is no
/// ASCII where the disk has no letters for it.
std::vector<std::string> names_on_disk(const PartHome& home, std::vector<std::string> components);

/// Does the disk take two names for one that differ by case, or by how their accents are encoded?
bool folds_names(int part_folder_fd);

/// Which names of a request are one name on an inbox's disk. As long as it lives it keeps a folder
/// in the private one, should the disk fold names; on one thread at a time.
class NameTwins {
 public:
  explicit NameTwins(const Inbox& inbox);
  NameTwins(const NameTwins&) = delete;
  NameTwins& operator=(const NameTwins&) = delete;
  ~NameTwins();

  /// Equal for components of clean_file_name() that lead to one place.
  std::string key(std::vector<std::string> components);

 private:
  std::string key_of(const std::string& component);

  const Inbox& inbox_;
  PartHome home_;
  std::string name_;  ///< of the folder, for what was made in it so far
  UniqueFd folder_;
  std::map<std::string, std::string> keys_;
};

/// Removes folders that a NameTwins left which was killed.
bool is_twins_folder(std::string_view name);
void remove_twins_folder(int part_folder_fd, const std::string& name);

}  // namespace lsend::storage
