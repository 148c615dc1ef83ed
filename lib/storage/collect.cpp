#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "descriptor_io.hpp"
#include "file_system.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/file_source.hpp"
#include "lsend/storage/safe_path.hpp"
#include "lsend/storage/unique_fd.hpp"
#include "modified.hpp"

namespace lsend::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kStatBlock = 512;  ///< st_blocks counts these
constexpr std::size_t kLongestList = 256 * 1024 * 1024;

std::string quoted(const std::string& path) { return "'" + escape_for_terminal(path) + "'"; }

/// `folder/name`.
std::string below(const std::string& folder, const std::string& name) {
  std::string path;
  path.reserve(folder.size() + 1 + name.size());
  path = folder;
  if (!path.ends_with('/')) path += '/';
  return path += name;
}

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

bool is_readable(const std::string& path, const struct stat& status) {
  static const uid_t self = geteuid();
  const bool own = status.st_uid == self && (status.st_mode & S_IRUSR) != 0;
  return (own && mode_decides(path, status.st_dev)) ||
         faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) == 0;
}

/// Not to be told by its blocks alone: what is compressed has few of them and no hole.
bool has_holes(const std::string& path, const struct stat& status) {
  constexpr std::int64_t kWorthTelling = 64 * 1024;
  if (status.st_size - static_cast<std::int64_t>(status.st_blocks) * kStatBlock < kWorthTelling)
    return false;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  const off_t hole = fd ? lseek(fd.get(), 0, SEEK_HOLE) : -1;
  return hole >= 0 && hole < status.st_size;
}

/// Why this cannot be sent, or empty.
std::string objection(const std::string& path, const struct stat& status) {
  if (!S_ISREG(status.st_mode)) {
    return quoted(path) + " is a FIFO, socket or device: only files and folders can be sent";
  }
  if (status.st_size == 0 && hides_its_size(path)) {
    return quoted(path) + " does not tell its size: pipe it, lsend send TARGET - <FILE";
  }
  if (!is_readable(path, status)) {
    return "cannot read " + quoted(path) + ": " + std::generic_category().message(errno);
  }
  return {};
}

/// What a folder holds.
struct Entry {
  std::string name;
  struct stat status {};
  int error = 0;  ///< of lstat
};

/// Sorted by name. An errno on failure. Entries are looked at from the folder's descriptor, which
/// spares the walk to it for each.
int read_folder(const std::string& path, std::vector<Entry>& entries) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (!folder) return errno;
  while (true) {
    errno = 0;
    const dirent* const found = readdir(folder.get());
    if (!found) break;
    const std::string_view name(found->d_name);
    if (name == "." || name == "..") continue;
    entries.emplace_back().name = name;
  }
  if (errno != 0) return errno;
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  for (auto& entry : entries)
    if (fstatat(dirfd(folder.get()), entry.name.c_str(), &entry.status, AT_SYMLINK_NOFOLLOW) != 0)
      entry.error = errno;
  return 0;
}

class Collector {
 public:
  explicit Collector(const Selection& selection)
      : filter_(selection.filter), follow_(selection.follow) {}

  /// `name` is the remote one; empty: the path's own.
  Result<> add_named(const fs::path& named, std::string name) {
    const std::string& path = named.native();
    if (++named_ == 2) track_names();
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
      return fail_errno(Errc::io, "cannot read " + quoted(path), errno);
    }
    if (name.empty()) name = own_name(named);
    if (name.empty()) {
      return fail(Errc::usage,
                  quoted(path) + " has no name to send it under: name the folders inside it");
    }
    const bool folder = S_ISDIR(status.st_mode);
    if (left_out(name, folder)) return {};
    if (folder) return add_folder(path, name, status, true);
    if (auto why = objection(path, status); !why.empty()) return fail(Errc::io, why);
    add_file(path, name, status);
    return {};
  }

  Collection finish() {
    if (found_.links_skipped > 0) {
      found_.warnings.push_back(
          std::to_string(found_.links_skipped) +
          (found_.links_skipped == 1 ? " symbolic link was" : " symbolic links were") +
          " skipped (--follow sends what they point to)");
    }
    return std::move(found_);
  }

 private:
  using FileNumber = std::pair<dev_t, ino_t>;

  /// However a folder is named, its files carry its real name.
  static std::string own_name(const fs::path& path) {
    const fs::path name = path.filename();
    if (!name.empty() && name != "." && name != "..") return name.string();
    std::error_code ignored;
    return fs::canonical(path, ignored).filename().string();
  }

  bool left_out(const std::string& name, bool folder) {
    if (filter_.takes(name, folder)) return false;
    ++found_.filtered;
    return true;
  }

  Result<> add_folder(const std::string& path, const std::string& name, const struct stat& status,
                      bool named) {
    const FileNumber self{status.st_dev, status.st_ino};
    if (std::find(above_.begin(), above_.end(), self) != above_.end()) {
      found_.warnings.push_back(quoted(path) +
                                " is skipped: the link leads back to a folder above");
      return {};
    }
    std::vector<Entry> entries;
    if (const int error = read_folder(path, entries); error != 0) {
      auto failure = fail_errno(Errc::io, "cannot read the folder " + quoted(path), error);
      if (named) return failure;
      skip_unreadable(failure.message());
      return {};
    }
    if (entries.empty()) {
      found_.warnings.push_back(quoted(path) + " is an empty folder, which cannot be sent");
    }
    above_.push_back(self);
    for (const auto& entry : entries)
      add_entry(below(path, entry.name), below(name, entry.name), entry);
    above_.pop_back();
    return {};
  }

  void add_entry(const std::string& path, const std::string& name, const Entry& entry) {
    if (entry.error != 0) {
      return skip_unreadable("cannot read " + quoted(path) + ": " +
                             std::generic_category().message(entry.error));
    }
    auto status = entry.status;
    if (S_ISLNK(status.st_mode)) {
      if (!follow_) {
        ++found_.links_skipped;
        return;
      }
      if (stat(path.c_str(), &status) != 0) {
        return skip_unreadable("cannot follow the link " + quoted(path) + ": " +
                               std::generic_category().message(errno));
      }
    }
    const bool folder = S_ISDIR(status.st_mode);
    if (left_out(name, folder)) return;
    if (folder) {
      (void)add_folder(path, name, status, false);
      return;
    }
    if (auto why = objection(path, status); !why.empty()) return skip_unreadable(std::move(why));
    add_file(path, name, status);
  }

  void skip_unreadable(std::string why) {
    ++found_.left_out;
    found_.warnings.push_back(std::move(why));
  }

  void add_file(const std::string& path, const std::string& name, const struct stat& status) {
    LocalFile file;
    file.path = path;
    const bool readable = is_utf8(name);
    if (!readable) {
      file.name_bytes = name;
      track_names();
    }
    file.file_name = unused(readable ? name : to_utf8(name));
    file.name_changed = file.file_name != name;
    file.size = static_cast<std::uint64_t>(status.st_size);
    file.modified = modified_of(status);
    file.executable = (status.st_mode & S_IXUSR) != 0;
    if (has_holes(path, status))
      file.allocated = static_cast<std::uint64_t>(status.st_blocks) * kStatBlock;
    if (file.name_changed) {
      found_.warnings.push_back(quoted(path) + " is sent as '" +
                                escape_for_terminal(file.file_name) + "'");
    }
    found_.files.push_back(std::move(file));
  }

  /// The names of one tree differ by themselves, as long as none is changed.
  void track_names() {
    if (tracking_) return;
    tracking_ = true;
    for (const auto& file : found_.files) next_number_.try_emplace(file.file_name, 1);
  }

  /// The name, or the next numbered one where it was given to another file already.
  std::string unused(std::string name) {
    if (!tracking_) return name;
    const auto [entry, is_new] = next_number_.try_emplace(name, 1);
    if (is_new) return name;
    const std::size_t slash = name.rfind('/') + 1;  // npos + 1 is 0
    while (true) {
      std::string numbered =
          name.substr(0, slash) + numbered_name(name.substr(slash), next_number_[name]++);
      if (next_number_.try_emplace(numbered, 1).second) return numbered;
    }
  }

  const NameFilter& filter_;
  bool follow_;
  Collection found_;
  std::vector<FileNumber> above_;
  std::size_t named_ = 0;
  bool tracking_ = false;  ///< two files may come to one name
  std::unordered_map<std::string, unsigned> next_number_;
};

/// The name that a listed path keeps: relative, and never upwards. Empty for "." and "..".
std::string kept_name(const fs::path& path) {
  fs::path name;
  for (const auto& part : path.lexically_normal().relative_path())
    if (!part.empty() && part != "." && part != "..") name /= part;
  return name.string();
}

}  // namespace

Result<Collection> collect_files(const Selection& selection) {
  Collector collector(selection);
  for (const auto& path : selection.paths)
    if (auto ok = collector.add_named(path, std::string()); !ok) return ok.error();
  for (const auto& path : selection.listed)
    if (auto ok = collector.add_named(path, kept_name(path)); !ok) return ok.error();
  return collector.finish();
}

Result<std::vector<fs::path>> read_path_list(int input_fd, bool null) {
  std::string text;
  std::vector<std::byte> block(64 * 1024);
  while (true) {
    const ssize_t bytes = read_some(input_fd, block);
    if (bytes < 0) return fail_errno(Errc::io, "cannot read the list of files", errno);
    if (bytes == 0) break;
    text.append(reinterpret_cast<const char*>(block.data()), static_cast<std::size_t>(bytes));
    if (text.size() > kLongestList)
      return fail(Errc::limit, "the list of files is longer than 256 MiB");
  }
  std::vector<fs::path> paths;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find(null ? '\0' : '\n', start), text.size());
    if (end > start) paths.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return paths;
}

}  // namespace lsend::storage
