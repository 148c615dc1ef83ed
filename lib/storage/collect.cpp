#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "lsend/model/text.hpp"
#include "lsend/storage/file_source.hpp"
#include "lsend/storage/real_path.hpp"
#include "lsend/storage/safe_path.hpp"
#include "lsend/storage/unique_fd.hpp"
#include "modified.hpp"
#include "private_parts.hpp"
#include "sendable.hpp"

namespace lsend::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kStatBlock = 512;  ///< st_blocks counts these

std::string quoted(const std::string& path) { return "'" + escape_for_terminal(path) + "'"; }

/// `folder/name`.
std::string below(const std::string& folder, const std::string& name) {
  std::string path;
  path.reserve(folder.size() + 1 + name.size());
  path = folder;
  if (!path.ends_with('/')) path += '/';
  return path += name;
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
  // Of a folder that was removed while it was open the C library says that it is empty, the kernel
  // does not. Its links do not tell: some file systems count none.
  std::array<std::byte, 1024> block{};
  if (entries.empty() &&
      syscall(SYS_getdents64, dirfd(folder.get()), block.data(), block.size()) < 0)
    return errno;
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
      : filter_(selection.filter),
        prefix_(selection.prefix),
        only_name_(selection.name),
        follow_(selection.follow) {}

  /// Errc::usage for what has no name; whatever else is wrong is among the unsendable.
  Result<> add_operand(const fs::path& named) { return add_named(named, std::string(), false); }
  /// `name` is the remote one.
  Result<> add_listed(const fs::path& named, std::string name) {
    return add_named(named, std::move(name), true);
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

  Result<> add_named(const fs::path& named, std::string name, bool listed) {
    const std::string& path = named.native();
    if (++named_ == 2) track_names();
    struct stat status {};
    const bool there = stat(path.c_str(), &status) == 0;
    const int error = errno;
    const auto real = real_place(named, there);
    // However a folder is named, its files carry its real name.
    const auto last = named.filename();
    const bool own_name = !last.empty() && last != "." && last != "..";
    if (name.empty()) name = own_name ? last.string() : real.filename().string();
    if (!there) {
      if (name.empty()) name = path;
      if (left_out(name, false)) return {};
      fail_named(name, fail_errno(Errc::io, "cannot read " + quoted(path), error));
      return {};
    }
    if (name.empty()) {
      return fail(Errc::usage,
                  quoted(path) + " has no name to send it under: name the folders inside it");
    }
    const bool folder = S_ISDIR(status.st_mode);
    if (left_out(name, folder)) return {};
    if (private_.contain(real, status)) {
      refuse_private(path, name, listed);
      return {};
    }
    if (folder && !only_name_.empty()) {
      return fail(Errc::usage, "--name is for one file, and " + quoted(path) +
                                   " is a folder; --prefix puts a folder in front of its names");
    }
    if (!only_name_.empty()) name = only_name_;
    const auto before = found_.unsendable.size();
    if (folder)
      add_folder(path, name, status, real.filename().string(), true);
    else
      add_file(path, name, status);
    // A folder that can be read is not to blame for what is in it, nor a file for its place.
    if (found_.unsendable.size() == before + 1) {
      auto& last_one = found_.unsendable.back();
      last_one.named = last_one.file_name == sendable_name(name) &&
                       last_one.why.code() != Errc::name_refused;
    }
    return {};
  }

  /// Empty where it cannot be told.
  fs::path real_place(const fs::path& named, bool there) {
    std::error_code error;
    const auto last = named.filename();
    struct stat status {};
    const bool plain = there && !last.empty() && last != "." && last != ".." &&
                       lstat(named.c_str(), &status) == 0 && !S_ISLNK(status.st_mode);
    if (!plain) return real_path(named, error);
    // Thousands of files of one folder may be named.
    const auto above = named.parent_path();
    if (!above_named_ || *above_named_ != above) {
      above_named_ = above;
      above_real_ = real_path(above.empty() ? fs::path(".") : above, error);
    }
    return above_real_ / last;
  }

  void refuse_private(const std::string& path, const std::string& name, bool listed) {
    const auto why =
        quoted(path) + " is private to a receiver: what is there has not arrived yet";
    // A list is mostly made by a program, which knows nothing of receivers.
    if (listed) return found_.warnings.push_back(why + "; it is skipped");
    fail_named(name, fail(Errc::io, why));
  }

  bool left_out(const std::string& name, bool folder) {
    if (filter_.takes(name, folder)) return false;
    ++found_.filtered;
    return true;
  }

  /// `own_name`: the folder's, however it is called at the receiver.
  void add_folder(const std::string& path, const std::string& name, const struct stat& status,
                  const std::string& own_name, bool named) {
    const FileNumber self{status.st_dev, status.st_ino};
    if (std::find(above_.begin(), above_.end(), self) != above_.end()) {
      found_.warnings.push_back(quoted(path) +
                                " is skipped: the link leads back to a folder above");
      return;
    }
    if (!named && is_private_folder(own_name, path, status)) return;
    std::vector<Entry> entries;
    if (const int error = read_folder(path, entries); error != 0) {
      return cannot_send(name, 0,
                         fail_errno(Errc::io, "cannot read the folder " + quoted(path), error));
    }
    if (entries.empty()) {
      found_.warnings.push_back(quoted(path) + " is an empty folder, which cannot be sent");
    }
    above_.push_back(self);
    for (const auto& entry : entries)
      add_entry(below(path, entry.name), below(name, entry.name), entry, own_name);
    above_.pop_back();
  }

  void add_entry(const std::string& path, const std::string& name, const Entry& entry,
                 const std::string& folder_name) {
    if (entry.error != 0) {
      if (!left_out(name, false))
        cannot_send(name, 0, fail_errno(Errc::io, "cannot read " + quoted(path), entry.error));
      return;
    }
    auto status = entry.status;
    auto own_name = entry.name;
    const bool link = S_ISLNK(status.st_mode);
    if (link) {
      if (!follow_) {
        ++found_.links_skipped;
        return;
      }
      if (stat(path.c_str(), &status) != 0) {
        const int error = errno;
        if (!left_out(name, false))
          cannot_send(name, 0, fail_errno(Errc::io, "cannot follow the link " + quoted(path), error));
        return;
      }
      std::error_code ignored;
      const auto real = real_path(path, ignored);
      if (private_.contain(real, status)) return;
      own_name = real.filename().string();
    }
    const bool folder = S_ISDIR(status.st_mode);
    if (!folder && !link && is_private_file(folder_name, entry.name) && S_ISREG(status.st_mode))
      return;
    if (folder && !link && is_private_probe(folder_name, entry.name)) return;
    if (left_out(name, folder)) return;
    if (folder)
      add_folder(path, name, status, own_name, false);
    else
      add_file(path, name, status);
  }

  void cannot_send(const std::string& name, std::uint64_t size, Error why) {
    Unsendable left;
    left.file_name = sendable_name(name);
    if (!is_utf8(name)) left.name_bytes = name;
    left.size = size;
    left.why = std::move(why);
    found_.unsendable.push_back(std::move(left));
  }

  void fail_named(const std::string& name, Error why) {
    cannot_send(name, 0, std::move(why));
    found_.unsendable.back().named = true;
  }

  void add_file(const std::string& path, const std::string& name, const struct stat& status) {
    const auto size = static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0));
    LocalFile file;
    file.file_name = sendable_name(name);
    auto why = objection(path, status);
    if (!why) why = objection_to_name(prefix_ + file.file_name);
    if (why) return cannot_send(name, S_ISREG(status.st_mode) ? size : 0, std::move(*why));
    file.path = path;
    if (!is_utf8(name)) file.name_bytes = name;
    if (file.file_name != name) track_names();
    file.file_name = unused(std::move(file.file_name));
    file.name_changed = file.file_name != name;
    file.size = size;
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
  const std::string& prefix_;
  const std::string& only_name_;
  bool follow_;
  Collection found_;
  std::vector<FileNumber> above_;
  PrivateParts private_;
  std::optional<fs::path> above_named_;  ///< the folder of what was named last
  fs::path above_real_;                  ///< where that is
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
    if (auto ok = collector.add_operand(path); !ok) return ok.error();
  for (const auto& path : selection.listed)
    if (auto ok = collector.add_listed(path, kept_name(path)); !ok) return ok.error();
  return collector.finish();
}

}  // namespace lsend::storage
