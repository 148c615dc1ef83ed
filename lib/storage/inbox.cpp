#include "lsend/storage/inbox.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <string_view>
#include <utility>

#include "arrival.hpp"
#include "disk_error.hpp"
#include "file_system.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/disk_name.hpp"
#include "lsend/storage/misplaced.hpp"
#include "lsend/storage/real_path.hpp"
#include "part_folder.hpp"
#include "part_lock.hpp"
#include "publish.hpp"

namespace lsend::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kLockTries = 20;
constexpr std::size_t kCopyBlock = 256 * 1024;

std::string quoted(const fs::path& path) { return "'" + escape_for_terminal(path.string()) + "'"; }

/// Folders that belong to the system: what a stranger names must not lie among their files.
bool belongs_to_system(const fs::path& folder) {
  static constexpr std::array<std::string_view, 21> folders{
      "/",    "/bin",   "/boot",    "/dev",     "/dev/shm",  "/etc",  "/home",
      "/lib", "/lib64", "/opt",     "/proc",    "/run",      "/sbin", "/sys",
      "/tmp", "/usr",   "/usr/bin", "/usr/lib", "/usr/sbin", "/var",  "/var/tmp"};
  return std::find(folders.begin(), folders.end(), folder.string()) != folders.end();
}

bool is_remote(int folder_fd) {
  struct statfs system {};
  return fstatfs(folder_fd, &system) != 0 || !is_local(system);
}

Result<> check_folder(const fs::path& folder, int fd, const struct stat& status, bool shared) {
  if (belongs_to_system(folder)) {
    return fail(Errc::usage, quoted(folder) +
                                 " belongs to the system: name a folder inside it, for example " +
                                 quoted(folder / "lsend") + " (--dir)");
  }
  // A group that is the user's own, as many systems make them, is not "others".
  const bool group_writes = (status.st_mode & S_IWGRP) != 0 && status.st_gid != getegid();
  const bool others_write = (status.st_mode & S_IWOTH) != 0;
  if (shared || !(group_writes || others_write) || (status.st_mode & S_ISVTX) != 0) return {};
  // Many disks show a mode that no chmod changes.
  const std::string mend = is_remote(fd) ? "name another folder (--dir)"
                                         : "chmod go-w it, name another folder (--dir)";
  return fail(Errc::usage, quoted(folder) +
                               " can be written by others, who could replace what arrives: " +
                               mend + " or, if that is meant, add --shared-dir");
}

/// The home folder is used as the inbox by who says so, not by who happens to be in it.
Result<> check_home(const fs::path& given, const fs::path& real) {
  const char* home = std::getenv("HOME");
  std::error_code error;
  if (given.is_absolute() || home == nullptr || real_path(home, error) != real)
    return {};
  return fail(Errc::usage, quoted(given) + " is your home folder: write out " + quoted(real) +
                               " if files shall lie among its own (--dir)");
}

/// A shared folder is made as what arrives in one.
unsigned mode_below(const fs::path& parent, const Arrival& arrival) {
  const UniqueFd fd(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd ? arrival.folder_mode(rules_of(fd.get())) : 0755U;
}

Result<> make_folders(const fs::path& folder, const Access& access) {
  const Arrival arrival(access, 0);
  fs::path path;
  for (const auto& component : folder) {
    const unsigned mode = access.shared && !path.empty() ? mode_below(path, arrival) : 0755U;
    path /= component;
    const bool made = !component.empty() && mkdir(path.c_str(), mode) == 0;
    const int error = errno;
    if (made && access.shared) {
      const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (auto ok = fd ? arrival.settle_folder(fd.get()) : Result<>(); !ok) return ok;
    }
    if (component.empty() || made || error == EEXIST) continue;
    // A parent that cannot be written may exist all the same (EROFS, EACCES come first).
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) continue;
    return disk_error("cannot make the folder " + quoted(path), error);
  }
  return {};
}

/// Without changing it: setting and restoring it is seen by other threads.
unsigned read_umask() {
  std::ifstream status("/proc/self/status");
  constexpr std::string_view key = "Umask:\t";
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(key)) continue;
    unsigned mask = 0;
    const auto [end, error] =
        std::from_chars(line.data() + key.size(), line.data() + line.size(), mask, 8);
    if (error == std::errc()) return mask;
  }
  const mode_t mask = umask(077);
  umask(mask);
  return mask;
}

}  // namespace

std::string why_misplaced(int root_fd, const fs::path& path) {
  struct stat opened {};
  struct stat named {};
  const std::string shown = quoted(path);
  constexpr const char* kRemedy = "; start lsend again when it is there";
  if (fstat(root_fd, &opened) != 0)
    return shown + " cannot be used any more: " + std::strerror(errno) + kRemedy;
  if (stat(path.c_str(), &named) != 0)
    return shown + " was removed or moved away while lsend was running (" + std::strerror(errno) +
           ")" + kRemedy;
  if (opened.st_ino == named.st_ino && opened.st_dev == named.st_dev) return {};
  return shown + " is another folder now than the one that lsend opened, into which files still "
                 "go: it was replaced, mounted over or unmounted; start lsend again to use it";
}

Inbox::Inbox(std::filesystem::path folder, std::filesystem::path named, UniqueFd root,
             PartFolderPtr parts, std::string part_prefix, const Access& access)
    : folder_(std::move(folder)),
      named_(std::move(named)),
      root_(std::move(root)),
      parts_(std::make_unique<Parts>()),
      part_prefix_(std::move(part_prefix)),
      shared_(access.shared),
      arrival_(std::make_shared<Arrival>(access, read_umask())),
      names_(std::make_shared<DiskNames>()),
      close_tells_(is_remote(root_.get())),
      folds_names_(storage::folds_names(parts->fd.get(), part_prefix_)) {
  parts_->folder = std::move(parts);
  const auto rules = rules_of(root_.get());
  file_mode_ = arrival_->file_mode(rules, false);
  executable_mode_ = arrival_->file_mode(rules, true);
}

Inbox::PartFolderPtr Inbox::parts() const {
  const std::lock_guard lock(parts_->guard);
  return parts_->folder;
}

PartHome Inbox::home() const {
  PartHome home;
  home.root_fd = root_.get();
  home.parts = parts();
  home.arrival = arrival_.get();
  home.mode = file_mode_;
  home.executable_mode = executable_mode_;
  home.closer = closer_.get();
  home.close_tells = close_tells_;
  home.names = names_.get();
  home.part_prefix = part_prefix_.empty() ? "" : kHiddenPrefix;
  return home;
}

Result<Inbox> Inbox::open(const std::filesystem::path& folder, const Access& access) {
  std::error_code error;
  const fs::path real = real_path(folder, error);
  if (error) return disk_error("cannot find the folder " + quoted(folder), error.value());
  if (auto ok = check_home(folder, real); !ok) return ok.error();
  if (auto ok = make_folders(real, access); !ok) return ok.error();
  UniqueFd root(::open(real.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status {};
  if (!root || fstat(root.get(), &status) != 0) {
    return disk_error("cannot open the folder " + quoted(real), errno);
  }
  if (auto ok = check_folder(real, root.get(), status, access.shared); !ok) return ok.error();
  auto parts = open_part_folder(real, root.get(), access.shared);
  if (!parts) return parts.error();
  if (auto ok = try_publishing(real, root.get(), *parts, ""); !ok) return ok.error();
  if (auto ok = try_file(real, *parts, "", access); !ok) return ok.error();
  Inbox inbox(real, fs::absolute(folder, error), std::move(root),
              std::make_shared<const PartFolder>(std::move(*parts)), "", access);
  inbox.sweep_stale_parts(kStaleParts);
  return inbox;
}

Result<Inbox> Inbox::open_beside(const std::filesystem::path& file, const Access& access) {
  std::error_code error;
  const fs::path folder = fs::absolute(file, error).lexically_normal().parent_path();
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  UniqueFd root(::open(folder.c_str(), flags));
  PartFolder parts;
  parts.fd = UniqueFd(::open(folder.c_str(), flags));
  parts.owner = geteuid();
  if (!root || !parts.fd) return disk_error("cannot open the folder " + quoted(folder), errno);
  if (auto ok = try_publishing(folder, root.get(), parts, kHiddenPrefix); !ok) return ok.error();
  if (auto ok = try_file(folder, parts, kHiddenPrefix, access); !ok) return ok.error();
  Inbox inbox(folder, folder, std::move(root), std::make_shared<const PartFolder>(std::move(parts)),
              kHiddenPrefix, access);
  inbox.sweep_stale_parts(kStaleParts);
  return inbox;
}

Result<UniqueFd> Inbox::make_part(const std::string& name) const {
  constexpr int flags = O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd fd(openat(parts()->fd.get(), name.c_str(), flags, 0600));
  // Somebody has cleaned up here.
  if (!fd && errno == ENOENT && part_prefix_.empty()) {
    auto made = open_part_folder(folder_, root_.get(), shared_);
    if (!made) return made.error();
    if (auto ok = try_file(folder_, *made, "", Access()); !ok) return ok.error();
    const std::lock_guard lock(parts_->guard);
    parts_->folder = std::make_shared<const PartFolder>(std::move(*made));
    fd.reset(openat(parts_->folder->fd.get(), name.c_str(), flags, 0600));
  }
  if (!fd) return disk_error("cannot make a file in " + quoted(folder_ / kPartFolder), errno);
  return fd;
}

Result<PartFile> Inbox::create_part(std::uint64_t expected, bool hash,
                                    std::optional<Holes> holes) const {
  UniqueFd fd;
  std::string name;
  auto lock = PartLock::taken;
  // Whoever looks at the parts may hold a new one for a moment: then it is another.
  for (int tries = 0; lock == PartLock::taken && tries < kLockTries; ++tries) {
    if (fd) unlinkat(parts()->fd.get(), name.c_str(), 0);
    name = part_prefix_ + random_text();
    auto made = make_part(name);
    if (!made) return made.error();
    fd = std::move(*made);
    lock = lock_part(fd.get());
  }
  PartFile part(home(), std::move(fd), std::move(name), expected, hash, LiveBytes(live_));
  part.locked_ = lock == PartLock::ours;
  part.holes_ = std::move(holes);
  if (auto ok = part.set_aside(); !ok) return ok.error();
  return part;
}

Result<PartFile> Inbox::rescue(const PartFile& lost, const PublishTerms& terms) const {
  if (!lost.fd_ || !lost.sealed_) return fail(Errc::failed, "this part is not whole");
  std::optional<Holes> holes;
  // It has been asked for all of its room once, and gives that back.
  const auto enough = [](std::uint64_t) { return Result<std::uint64_t>(~std::uint64_t{0}); };
  if (lost.holes_) holes = Holes{lost.holes_->allocated, enough};
  auto part = create_part(lost.written_, false, std::move(holes));
  if (!part) return part;
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kCopyBlock);
  while (part->written_ < lost.written_) {
    const auto count = pread(lost.fd_.get(), buffer.get(), kCopyBlock,
                             static_cast<off_t>(part->written_));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return disk_error("cannot read what came of a part that was removed", count < 0 ? errno : EIO);
    const std::span block(buffer.get(), static_cast<std::size_t>(count));
    if (auto ok = part->write(block); !ok) return ok.error();
  }
  if (auto ok = part->finish(terms); !ok) return ok.error();
  part->sealed_ = lost.sealed_;
  return part;
}

std::optional<std::string> Inbox::misplaced() const {
  auto why = why_misplaced(root_.get(), named_);
  if (why.empty()) return std::nullopt;
  return why;
}

std::optional<std::string> Inbox::trouble() const {
  if (auto why = misplaced()) return why;
  const auto name = part_prefix_ + random_text();
  const auto made = make_part(name);
  if (!made) return made.error().message();
  unlinkat(parts()->fd.get(), name.c_str(), 0);
  return std::nullopt;
}

Result<std::uint64_t> Inbox::free_space() const {
  struct statvfs status {};
  if (fstatvfs(root_.get(), &status) != 0) {
    return disk_error("cannot tell the free space of " + quoted(folder_), errno);
  }
  std::uint64_t bytes = 0;
  // Some file systems of FUSE tell nothing at all: the disk itself will say when it is full.
  if (status.f_blocks == 0) return std::numeric_limits<std::uint64_t>::max();
  if (__builtin_mul_overflow(std::uint64_t{status.f_bavail}, std::uint64_t{status.f_frsize},
                             &bytes)) {
    bytes = std::numeric_limits<std::uint64_t>::max();
  }
  return bytes;
}

}  // namespace lsend::storage
