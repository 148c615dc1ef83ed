#include "sendable.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "file_system.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/safe_path.hpp"
#include "lsend/storage/unique_fd.hpp"

namespace lsend::storage {
namespace {

// Names within these are never refused for their length.
constexpr std::size_t kShortPath = 1024;
constexpr std::ptrdiff_t kFewFolders = 31;

std::string quoted(const std::string& path) { return "'" + escape_for_terminal(path) + "'"; }

/// Files of /proc and /sys say size 0 and have contents all the same.
bool hides_its_size(const std::string& path) {
  struct statfs system {};
  return statfs(path.c_str(), &system) == 0 &&
         (system.f_type == PROC_SUPER_MAGIC || system.f_type == SYSFS_MAGIC);
}

/// Is what the mode allows the owner all that there is to it? Asked once a file system.
bool mode_decides(const std::string& path, dev_t device) {
  static std::optional<dev_t> asked;
  static bool decides = false;
  if (asked == device) return decides;
  struct statfs system {};
  decides = statfs(path.c_str(), &system) == 0 && is_local(system) && !has_labels();
  asked = device;
  return decides;
}

/// 0, or why it cannot be read.
int reading_error(const std::string& path, const struct stat& status) {
  static const uid_t self = geteuid();
  const bool own = status.st_uid == self && (status.st_mode & S_IRUSR) != 0;
  if (own && mode_decides(path, status.st_dev)) return 0;
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  // Somebody has a lease on it, and gives that up when it is opened for long.
  return file || errno == EWOULDBLOCK ? 0 : errno;
}

std::string what_else(mode_t mode) {
  if (S_ISSOCK(mode)) return {};
  return "; '-' sends what can be read from it: lsend send TARGET - <FILE";
}

}  // namespace

std::optional<Error> objection(const std::string& path, const struct stat& status) {
  if (!S_ISREG(status.st_mode)) {
    return fail(Errc::io, quoted(path) +
                              " is a FIFO, socket or device: only files and folders can be sent" +
                              what_else(status.st_mode));
  }
  if (status.st_size == 0 && hides_its_size(path)) {
    return fail(Errc::io,
                quoted(path) + " does not tell its size: pipe it, lsend send TARGET - <FILE");
  }
  if (const int error = reading_error(path, status); error != 0)
    return fail_errno(Errc::io, "cannot read " + quoted(path), error);
  return std::nullopt;
}

std::optional<Error> objection_to_name(const std::string& name) {
  if (name.size() <= kShortPath && std::count(name.begin(), name.end(), '/') <= kFewFolders)
    return std::nullopt;
  const auto cleaned = clean_file_name(name);
  return cleaned ? std::nullopt : std::optional<Error>(cleaned.error());
}

std::string sendable_name(const std::string& name) {
  auto clean = is_utf8(name) ? name : to_utf8(name);
  std::replace(clean.begin(), clean.end(), '\\', '_');
  for (std::size_t start = 0; start < clean.size();) {
    const auto end = std::min(clean.find('/', start), clean.size());
    if (clean.find_first_not_of(' ', start) >= end)
      std::fill(clean.begin() + static_cast<std::ptrdiff_t>(start),
                clean.begin() + static_cast<std::ptrdiff_t>(end), '_');
    start = end + 1;
  }
  return clean;
}

}  // namespace lsend::storage
