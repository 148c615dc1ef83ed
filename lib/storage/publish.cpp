#include "publish.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "arrival.hpp"
#include "disk_error.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/disk_name.hpp"
#include "lsend/storage/safe_path.hpp"
#include "random.hpp"

namespace lsend::storage {
namespace {

constexpr unsigned kRandomNumbers = 10;
constexpr int kParentTries = 3;

/// 0, or the errno. For file systems that know no other way: the name is taken by an empty file
/// of ours, which the part then replaces. A file that somebody puts in its place stays.
int move_onto_placeholder(int from_fd, const std::string& from, int to_fd, const std::string& to) {
  UniqueFd placeholder(openat(to_fd, to.c_str(),
                              O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
  struct stat made {};
  if (!placeholder || fstat(placeholder.get(), &made) != 0) return errno;
  const auto is_ours = [&] {
    struct stat there {};
    return fstatat(to_fd, to.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           made.st_ino == there.st_ino && made.st_dev == there.st_dev && there.st_size == 0;
  };
  if (!is_ours()) return EEXIST;
  // While it is open, FUSE would keep it under a name of its own.
  placeholder.reset();
  if (renameat(from_fd, from.c_str(), to_fd, to.c_str()) == 0) return 0;
  const int error = errno;
  if (is_ours()) unlinkat(to_fd, to.c_str(), 0);
  return error;
}

/// 0, or the errno. What is there as a file or a link goes, everything else stays: EEXIST.
int move_replacing(int from_fd, const std::string& from, int to_fd, const std::string& to) {
  struct stat there {};
  if (fstatat(to_fd, to.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(there.st_mode) &&
      !S_ISLNK(there.st_mode)) {
    return EEXIST;
  }
  return renameat(from_fd, from.c_str(), to_fd, to.c_str()) == 0 ? 0 : errno;
}

std::string candidate(const std::string& name, unsigned attempt) {
  if (attempt == 0) return name;
  if (attempt <= kNumbers) return numbered_name(name, attempt);
  std::array<std::byte, sizeof(unsigned)> bytes{};
  random_bytes(bytes);
  unsigned number = 0;
  std::memcpy(&number, bytes.data(), bytes.size());
  return numbered_name(name, number);
}

Result<> check_name(const std::vector<std::string>& components) {
  if (components.empty()) return fail(Errc::name_refused, "a file without a name is refused");
  const std::string& name = components.back();
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    return fail(Errc::name_refused,
                "'" + escape_for_terminal(name) + "' is refused: it is no file name");
  }
  return {};
}

/// The folder that the file goes into: nothing for the inbox itself.
Result<UniqueFd> open_parent(const PartHome& home, const std::vector<std::string>& folders) {
  if (folders.empty()) return UniqueFd();
  return open_folder_beneath(home.root_fd, folders, home.arrival);
}

bool is_there(int folder_fd, const std::string& name) {
  struct stat status {};
  return fstatat(folder_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/// Disks have more names for a folder than its own: other letters that they fold, short names.
bool leads_to_parts(const PartHome& home, const std::string& name) {
  struct stat parts {};
  struct stat there {};
  return fstat(home.part_folder_fd(), &parts) == 0 &&
         fstatat(home.root_fd, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         there.st_ino == parts.st_ino && there.st_dev == parts.st_dev;
}

}  // namespace

bool is_part_folder(std::string_view name) {
  const std::string_view plain(kPartFolder);
  if (name.size() < plain.size() || strncasecmp(name.data(), plain.data(), plain.size()) != 0)
    return false;
  name.remove_prefix(plain.size());
  if (name.empty()) return true;
  return name.front() == '-' && name.size() > 1 &&
         name.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

std::vector<std::string> names_in_inbox(const PartHome& home, std::vector<std::string> components) {
  if (is_part_folder(components.front())) components.front().insert(0, "_");
  components = names_on_disk(home, std::move(components));
  while (leads_to_parts(home, components.front())) components.front().insert(0, "_");
  return components;
}

int move_without_replacing(int from_fd, const std::string& from, int to_fd, const std::string& to) {
  if (renameat2(from_fd, from.c_str(), to_fd, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (!is_unsupported(errno)) return errno;
  if (linkat(from_fd, from.c_str(), to_fd, to.c_str(), 0) == 0) {
    unlinkat(from_fd, from.c_str(), 0);  // one that stays is swept
    return 0;
  }
  if (!is_unsupported(errno) && errno != EMLINK) return errno;
  return move_onto_placeholder(from_fd, from, to_fd, to);
}

Result<std::vector<std::string>> publish(const PartHome& home, int fd, const std::string& part_name,
                                         const PublishTerms& terms) {
  auto components = terms.name;
  const auto conflict = terms.conflict;
  if (auto ok = check_name(components); !ok) return ok.error();
  components = names_in_inbox(home, std::move(components));
  const bool numbered = conflict == Conflict::rename || conflict == Conflict::skip;
  const auto move = conflict == Conflict::overwrite ? move_replacing : move_without_replacing;
  const int parts_fd = home.part_folder_fd();
  const std::string wanted = components.back();
  const std::vector<std::string> folders(components.begin(), components.end() - 1);
  const unsigned mode = terms.executable ? home.executable_mode : home.mode;
  int error = 0;
  unsigned attempt = 0;
  for (int tries = 0; tries < kParentTries; ++tries) {
    const auto parent = open_parent(home, folders);
    if (!parent) return parent.error();
    const int parent_fd = *parent ? parent->get() : home.root_fd;
    const auto settled =
        home.arrival->settle_file(fd, mode, home.parts->group, parent_fd, join_components(folders),
                                  terms.executable);
    if (!settled) return settled.error();
    do {
      components.back() = candidate(wanted, attempt);
      error = move(parts_fd, part_name, parent_fd, components.back());
      if (error == 0) return components;
    } while (error == EEXIST && ++attempt <= (numbered ? kNumbers + kRandomNumbers : 0));
    if (error != ENOENT) break;
    if (!is_there(parts_fd, part_name))
      return fail(Errc::not_found, "somebody removed the part of '" +
                                       escape_for_terminal(join_components(components)) +
                                       "' from the inbox before it was stored");
    // Its folder vanished in between.
  }
  const std::string name = "'" + escape_for_terminal(join_components(components)) + "'";
  if (error == EEXIST && conflict == Conflict::fail) {
    return fail(Errc::name_taken, name + " is there already (--conflict fail)");
  }
  if (error == EEXIST && conflict == Conflict::overwrite) {
    return fail(Errc::name_taken, name + " is there and no file that could be replaced");
  }
  return disk_error("cannot store " + name, error);
}

}  // namespace lsend::storage
