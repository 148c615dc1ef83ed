#include "publish.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "disk_error.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/safe_path.hpp"
#include "random.hpp"

namespace lsend::storage {
namespace {

constexpr unsigned kRandomNumbers = 10;

/// 0, or the errno. Never plain rename: that replaces.
int move_without_replacing(int from_fd, const std::string& from, int to_fd, const std::string& to) {
  if (renameat2(from_fd, from.c_str(), to_fd, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (linkat(from_fd, from.c_str(), to_fd, to.c_str(), 0) != 0) return errno;
  unlinkat(from_fd, from.c_str(), 0);  // one that stays is swept
  return 0;
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

}  // namespace

void leave_part_folder(std::vector<std::string>& components) {
  if (strcasecmp(components.front().c_str(), kPartFolder) == 0) components.front().insert(0, "_");
}

Result<std::vector<std::string>> publish(const PartHome& home, const std::string& part_name,
                                         std::vector<std::string> components, Conflict conflict) {
  if (auto ok = check_name(components); !ok) return ok.error();
  leave_part_folder(components);

  UniqueFd parent;
  if (components.size() > 1) {
    auto opened = open_folder_beneath(
        home.root_fd, std::vector<std::string>(components.begin(), components.end() - 1));
    if (!opened) return opened.error();
    parent = std::move(*opened);
  }
  const int parent_fd = parent ? parent.get() : home.root_fd;
  const bool numbered = conflict == Conflict::rename || conflict == Conflict::skip;
  const std::string wanted = components.back();
  int error = 0;
  for (unsigned attempt = 0; attempt <= (numbered ? kNumbers + kRandomNumbers : 0); ++attempt) {
    components.back() = candidate(wanted, attempt);
    error =
        conflict == Conflict::overwrite
            ? move_replacing(home.part_folder_fd, part_name, parent_fd, components.back())
            : move_without_replacing(home.part_folder_fd, part_name, parent_fd, components.back());
    if (error == 0) return components;
    if (error != EEXIST) break;
  }
  const std::string name = "'" + escape_for_terminal(join_components(components)) + "'";
  if (error == EEXIST && conflict == Conflict::fail) {
    return fail(Errc::name_refused, name + " is there already (--conflict fail)");
  }
  if (error == EEXIST && conflict == Conflict::overwrite) {
    return fail(Errc::name_refused, name + " is there and no file that could be replaced");
  }
  return disk_error("cannot store " + name, error);
}

}  // namespace lsend::storage
