#include "part_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "descriptor_io.hpp"
#include "disk_error.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/part_label.hpp"
#include "publish.hpp"

namespace lsend::storage {
namespace {

constexpr std::size_t kPartNameSize = 22;
constexpr std::string_view kLabelEnd = ".json";

bool is_random_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

std::optional<std::string> read_whole(int fd) {
  std::string text;
  std::array<std::byte, 4096> block{};
  while (text.size() <= kMaxPartLabel) {
    const auto bytes = read_some(fd, block);
    if (bytes < 0) return std::nullopt;
    if (bytes == 0) return text;
    text.append(reinterpret_cast<const char*>(block.data()), static_cast<std::size_t>(bytes));
  }
  return std::nullopt;
}

std::string quoted(const std::filesystem::path& path) {
  return "'" + escape_for_terminal(path.string()) + "'";
}

/// Whom a file belongs to that we make in the folder: file systems may say another user than us,
/// whoever it is that makes them (uid= of a mount, root squashed by a server).
std::optional<uid_t> owner_of_new_files(int folder_fd) {
  const auto name = random_text();
  const UniqueFd fd(openat(folder_fd, name.c_str(),
                           O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
  struct stat status {};
  const bool known = fd && fstat(fd.get(), &status) == 0;
  if (fd) unlinkat(folder_fd, name.c_str(), 0);
  return known ? std::optional(status.st_uid) : std::nullopt;
}

/// Whatever the folder around it would have it be: nobody else gets in. The group stays what a
/// setgid folder gives, which is the one of the files as well.
void make_private(int parts_fd, const struct stat& status, const struct stat& root) {
  (void)fremovexattr(parts_fd, "system.posix_acl_default");
  (void)fremovexattr(parts_fd, "system.posix_acl_access");
  const unsigned gives_group = root.st_mode & S_ISGID;
  const bool other_group = gives_group != 0 && status.st_gid != root.st_gid;
  if (other_group) (void)fchown(parts_fd, static_cast<uid_t>(-1), root.st_gid);
  const unsigned mode = 0700U | gives_group;
  if (other_group || (status.st_mode & (0777U | S_ISGID)) != mode) (void)fchmod(parts_fd, mode);
}

/// Errc::forbidden: it is another user's.
Result<PartFolder> open_one_part_folder(const std::filesystem::path& path, int root_fd,
                                        bool shared) {
  const std::string name = path.filename().string();
  const std::string shown = quoted(path);
  if (mkdirat(root_fd, name.c_str(), 0700) == 0) {
    // Whatever the umask took away.
    struct stat made {};
    const bool usable = fstatat(root_fd, name.c_str(), &made, AT_SYMLINK_NOFOLLOW) == 0 &&
                        (made.st_mode & 0700U) == 0700;
    if (!usable && fchmodat(root_fd, name.c_str(), 0700U | (made.st_mode & S_ISGID), 0) != 0 &&
        !is_unsupported(errno))
      return disk_error("cannot make the folder " + shown, errno);
  } else if (errno != EEXIST) {
    return disk_error("cannot make the folder " + shown, errno);
  }
  struct stat root {};
  struct stat status {};
  if (fstat(root_fd, &root) != 0 ||
      fstatat(root_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return disk_error("cannot use " + shown, errno);
  const bool foreign = status.st_uid != geteuid();
  const auto of_another = fail(Errc::forbidden, shown + " belongs to the user with id " +
                                                    std::to_string(status.st_uid) +
                                                    ": remove it, or name another folder (--dir)");
  PartFolder folder;
  folder.fd =
      UniqueFd(openat(root_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.fd && foreign) return of_another;
  if (!folder.fd)
    return fail_errno(Errc::io, "cannot use " + shown + " (it has to be a folder of this user)",
                      errno);
  if (fstat(folder.fd.get(), &status) != 0) return disk_error("cannot use " + shown, errno);
  if (status.st_dev != root.st_dev)
    return fail(Errc::io, shown + " is another file system than the folder that it lies in: "
                                  "unmount it, or name another folder (--dir)");
  folder.owner = status.st_uid;
  if (folder.owner != geteuid() && owner_of_new_files(folder.fd.get()) != folder.owner)
    return of_another;
  make_private(folder.fd.get(), status, root);
  // File systems without permissions keep what they have: reading is borne, writing only where the
  // user says so.
  if (!shared && (fstat(folder.fd.get(), &status) != 0 || (status.st_mode & 022U) != 0))
    return fail(Errc::io, shown +
                              " can be written by others and that cannot be changed: name another "
                              "folder (--dir) or, if that is meant, add --shared-dir");
  return folder;
}

Error cannot_label(int error) { return disk_error("cannot label a part in the inbox", error); }

}  // namespace

std::string label_name(std::string_view part_name) { return std::string(part_name) += kLabelEnd; }

bool is_part_name(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  return name.size() == kPartNameSize && std::all_of(name.begin(), name.end(), is_random_character);
}

std::optional<std::string> part_of_label(std::string_view name, std::string_view prefix) {
  if (!name.ends_with(kLabelEnd)) return std::nullopt;
  name.remove_suffix(kLabelEnd.size());
  return is_part_name(name, prefix) ? std::optional<std::string>(name) : std::nullopt;
}

std::vector<std::string> names_in(int folder_fd) {
  const int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const listing = fd < 0 ? nullptr : fdopendir(fd);
  if (listing == nullptr) {
    if (fd >= 0) close(fd);
    return {};
  }
  std::vector<std::string> names;
  while (const dirent* entry = readdir(listing)) names.emplace_back(entry->d_name);
  closedir(listing);
  return names;
}

std::optional<PartLabel> read_label(const PartFolder& folder, const std::string& part_name) {
  // O_NONBLOCK: opening a FIFO under this name would wait for ever.
  const UniqueFd fd(openat(folder.fd.get(), label_name(part_name).c_str(),
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) return std::nullopt;
  if (!is_own(status, folder)) return std::nullopt;
  const auto text = read_whole(fd.get());
  return text ? parse_part_label(*text) : std::nullopt;
}

bool is_own(const struct stat& status, const PartFolder& parts) {
  return S_ISREG(status.st_mode) && status.st_uid == parts.owner && status.st_nlink == 1 &&
         (status.st_mode & 022U & ~parts.open) == 0;
}

Result<PartFolder> open_part_folder(const std::filesystem::path& folder, int root_fd, bool shared) {
  auto opened = open_one_part_folder(folder / kPartFolder, root_fd, shared);
  if (opened || opened.error().code() != Errc::forbidden) return opened;
  // Several users share one inbox.
  const std::string own = kPartFolder + ("-" + std::to_string(geteuid()));
  opened = open_one_part_folder(folder / own, root_fd, shared);
  if (opened || opened.error().code() != Errc::forbidden) return opened;
  return fail(Errc::io, opened.error().message());
}

Result<> try_publishing(const std::filesystem::path& folder, int root_fd, const PartFolder& parts,
                        const std::string& prefix) {
  const std::string here = "no file can be received in " + quoted(folder) + ": ";
  const auto cannot = [&here](const char* what, int error) -> Result<> {
    if (error == ENOSPC || error == EDQUOT) return {};
    return fail_errno(Errc::io, here + what, error);
  };
  const int parts_fd = parts.fd.get();
  const auto from = prefix + random_text();
  const auto to = prefix + random_text();
  UniqueFd fd(openat(parts_fd, from.c_str(),
                     O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return cannot("it takes no new files", errno);
  fd.reset();
  // Where a file can have two names, one way at least is open.
  const bool links = linkat(parts_fd, from.c_str(), parts_fd, to.c_str(), 0) == 0;
  const int error = links ? 0 : move_without_replacing(parts_fd, from, parts_fd, to);
  unlinkat(parts_fd, to.c_str(), 0);
  if (links || error != 0) unlinkat(parts_fd, from.c_str(), 0);
  if (error != 0) return cannot("files cannot be moved there without replacing others", error);
  // Where it can be asked without a file that others would see.
  const UniqueFd unnamed(openat(root_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!unnamed && (errno == EACCES || errno == EROFS)) return cannot("it takes no new files", errno);
  return {};
}

Result<> try_file(const std::filesystem::path& folder, PartFolder& parts, const std::string& prefix,
                  const Access& access) {
  parts.group = getegid();
  const std::string name = prefix + random_text();
  const int parts_fd = parts.fd.get();
  const UniqueFd fd(
      openat(parts_fd, name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600));
  // A disk that is full now need not stay so.
  if (!fd) return {};
  struct stat status {};
  if (fstat(fd.get(), &status) == 0) {
    parts.owner = status.st_uid;
    parts.group = status.st_gid;
    parts.open = status.st_mode & 022U;
  }
  constexpr off_t kHole = 1024 * 1024;
  constexpr off_t kBlock = 512;  // st_blocks counts these; an empty file has some on many a disk
  parts.keeps_holes = ftruncate(fd.get(), kHole) == 0 && fstat(fd.get(), &status) == 0 &&
                      status.st_size == kHole && status.st_blocks * kBlock < kHole / 2;
  const bool given = !access.group || fchown(fd.get(), static_cast<uid_t>(-1), *access.group) == 0;
  const int why = errno;
  const bool moded = !access.mode || (fchmod(fd.get(), *access.mode) == 0 &&
                                      fstat(fd.get(), &status) == 0 &&
                                      (status.st_mode & 0777U) == *access.mode);
  unlinkat(parts_fd, name.c_str(), 0);
  if (!given)
    return fail_errno(Errc::usage, "--group: nothing in " + quoted(folder) +
                                       " can be given to group " + std::to_string(*access.group),
                      why);
  if (!moded)
    return fail(Errc::usage, "--mode: the disk of " + quoted(folder) +
                                 " does not keep this mode: leave it out");
  return {};
}

Result<> write_label(int folder_fd, const std::string& part_name, const PartLabel& label) {
  // Named like a part, so that it is swept like one should we be killed here.
  const std::string temporary =
      part_name.substr(0, part_name.size() - kPartNameSize) + random_text();
  UniqueFd fd(openat(folder_fd, temporary.c_str(),
                     O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return cannot_label(errno);
  const auto text = encode_part_label(label);
  int error = write_all(fd.get(), std::as_bytes(std::span(text)));
  if (error == 0 && fsync(fd.get()) != 0 && !is_unsupported(errno)) error = errno;
  if (error == 0 &&
      renameat(folder_fd, temporary.c_str(), folder_fd, label_name(part_name).c_str()) != 0)
    error = errno;
  if (error == 0) {
    fsync(folder_fd);  // some file systems cannot, and a lost label loses only time
    return {};
  }
  unlinkat(folder_fd, temporary.c_str(), 0);
  return cannot_label(error);
}

}  // namespace lsend::storage
