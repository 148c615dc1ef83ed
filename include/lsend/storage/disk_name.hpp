#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lsend/storage/inbox.hpp"

namespace lsend::storage {

/// The name that a file gets where the disk refuses its own, always the same one for a name:
/// '<', '>', ':', '"', '|', '?', '*', '\' and control characters become '_', and so do dots and
/// blanks at the end; "con.txt" and the other devices of Windows become "con_.txt".
std::string portable_name(std::string_view name);

/// What a disk has said of names, so that it is asked once for each. Any thread may use it.
class DiskNames {
 public:
  std::optional<std::string> find(const std::string& name) const;
  void keep(const std::string& name, const std::string& on_disk);

 private:
  mutable std::mutex guard_;
  std::map<std::string, std::string> known_;
};

/// A folder in which the disk is asked what it makes of names, so that no file of the user is near;
/// it goes with the object. In the private folder, or hidden beside the user's file.
class ProbeFolder {
 public:
  ProbeFolder(int part_folder_fd, std::string_view prefix);
  ProbeFolder(const ProbeFolder&) = delete;
  ProbeFolder& operator=(const ProbeFolder&) = delete;
  ~ProbeFolder();
  /// -1 where none could be made.
  int descriptor() const { return fd_ ? fd_.get() : -1; }

 private:
  int above_;
  std::string name_;
  UniqueFd fd_;
};

/// The components of clean_file_name() as this disk takes them. Asks the disk, by making files in
/// a ProbeFolder, and only about components that some disks refuse: where one is refused its
/// portable_name() stands, shortened where it is too long for the disk, and without what is no
/// ASCII where the disk has no letters for it.
std::vector<std::string> names_on_disk(const PartHome& home, std::vector<std::string> components);

/// Does the disk take two names for one that differ by case, or by how their accents are encoded?
/// `prefix`: of the names of parts.
bool folds_names(int part_folder_fd, std::string_view prefix);

/// Which names of a request are one name on an inbox's disk. As long as it lives it keeps a folder
/// in the private one, should the disk fold names; on one thread at a time.
class NameTwins {
 public:
  explicit NameTwins(const Inbox& inbox);
  NameTwins(const NameTwins&) = delete;
  NameTwins& operator=(const NameTwins&) = delete;

  /// Equal for components of clean_file_name() that lead to one place. Asks the disk only about
  /// components that some disk could take for one another. Errc::no_space, Errc::io when it does
  /// not answer.
  Result<std::string> key(std::vector<std::string> components);

 private:
  /// Components that are one without whatever some disk folds.
  struct Alike {
    std::map<std::string, std::string> first;  ///< of each that differ by more than ASCII case
    bool odd = false;                          ///< one has letters beyond ASCII
  };

  Result<std::string> key_of(const std::string& component);
  Result<std::string> ask(const std::string& component, std::string key);

  const Inbox& inbox_;
  PartHome home_;
  std::unique_ptr<ProbeFolder> folder_;  ///< for what was made in it so far
  std::map<std::string, std::string> keys_;
  std::map<std::string, Alike> alike_;
};

/// Exactly the names that a ProbeFolder has where parts' names begin with `prefix`.
bool is_probe_folder(std::string_view name, std::string_view prefix);
/// Removes one that a killed process has left.
void remove_probe_folder(int part_folder_fd, const std::string& name);

}  // namespace lsend::storage
