// What lies in the inbox already, and when it is safe there.
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "descriptor_io.hpp"
#include "disk_error.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/inbox.hpp"
#include "lsend/storage/safe_path.hpp"
#include "publish.hpp"

namespace lsend::storage {
namespace {

constexpr std::size_t kBlock = 256 * 1024;

std::vector<std::string> parents_of(const std::vector<std::string>& name) {
  return {name.begin(), name.end() - 1};
}

/// Empty when they could not be read to the end. They may change while they are read: then they
/// are no equal.
std::string digest_of(int fd, std::uint64_t size, const std::atomic<bool>& stop) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kBlock);
  Sha256 digest;
  std::uint64_t all = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    const ssize_t count = read_some(fd, std::span(buffer.get(), kBlock));
    if (count < 0) return {};
    if (count == 0) return all == size ? digest.finish_hex() : std::string();
    all += static_cast<std::uint64_t>(count);
    if (all > size) return {};
    digest.update(std::span<const std::byte>(buffer.get(), static_cast<std::size_t>(count)));
  }
  return {};
}

DigestsRead::Key key_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
          static_cast<std::uint64_t>(status.st_mtim.tv_sec),
          static_cast<std::uint64_t>(status.st_mtim.tv_nsec)};
}

bool holds(int fd, const struct stat& status, const std::string& sha256, DigestsRead& read,
           const std::atomic<bool>& stop) {
  const auto key = key_of(status);
  const std::string* known = read.find(key);
  if (known) return strcasecmp(known->c_str(), sha256.c_str()) == 0;
  auto digest = digest_of(fd, key[2], stop);
  const bool same = strcasecmp(digest.c_str(), sha256.c_str()) == 0;
  if (!digest.empty()) read.keep(key, std::move(digest));
  return same;
}

bool is_regular_of_size(const struct stat& status, std::uint64_t size) {
  return S_ISREG(status.st_mode) && static_cast<std::uint64_t>(status.st_size) == size;
}

Result<> sync_folder(int fd) {
  // A file system that cannot do this for folders has no names to lose.
  if (fsync(fd) == 0 || is_unsupported(errno)) return {};
  return disk_error("cannot bring a folder to the disk", errno);
}

}  // namespace

const std::string* DigestsRead::find(const Key& file) const {
  const auto found = digests_.find(file);
  return found == digests_.end() ? nullptr : &found->second;
}

Result<bool> Inbox::is_taken(std::vector<std::string> name) const {
  if (name.empty()) return fail(Errc::name_refused, "a file without a name is refused");
  name = names_in_inbox(home(), std::move(name));
  const auto folder = find_folder_beneath(root_.get(), parents_of(name));
  if (!folder && folder.error().code() == Errc::not_found) return false;
  if (!folder) return folder.error();
  struct stat status {};
  if (fstatat(folder->get(), name.back().c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT) return false;
  return disk_error("cannot look at '" + escape_for_terminal(join_components(name)) + "'", errno);
}

std::optional<std::string> Inbox::find_equal(std::vector<std::string> name, std::uint64_t size,
                                             const std::string& sha256, DigestsRead& read,
                                             const std::atomic<bool>& stop) const {
  if (name.empty()) return std::nullopt;
  name = names_in_inbox(home(), std::move(name));
  const auto folder = find_folder_beneath(root_.get(), parents_of(name));
  if (!folder) return std::nullopt;
  const std::string wanted = name.back();
  for (unsigned attempt = 0; attempt <= kNumbers; ++attempt) {
    if (attempt > 0) name.back() = numbered_name(wanted, attempt);
    struct stat status {};
    if (fstatat(folder->get(), name.back().c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) break;
    if (!is_regular_of_size(status, size)) continue;
    // O_NONBLOCK: what was a file a moment ago may be a FIFO now.
    const UniqueFd file(
        openat(folder->get(), name.back().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file || fstat(file.get(), &status) != 0 || !is_regular_of_size(status, size)) continue;
    if (holds(file.get(), status, sha256, read, stop)) return join_components(name);
  }
  return std::nullopt;
}

Result<> Inbox::sync_names(const std::string& stored_path) const {
  if (auto ok = sync_folder(root_.get()); !ok) return ok;
  std::vector<std::string> parents;
  std::string_view rest = stored_path;
  for (auto slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
    parents.emplace_back(rest.substr(0, slash));
    rest.remove_prefix(slash + 1);
    const auto folder = find_folder_beneath(root_.get(), parents);
    if (!folder) return folder.error();
    if (auto ok = sync_folder(folder->get()); !ok) return ok;
  }
  return {};
}

Result<> Inbox::sync_all() const {
  if (syncfs(root_.get()) != 0) {
    return disk_error("cannot bring '" + escape_for_terminal(folder_.string()) + "' to the disk",
                      errno);
  }
  return {};
}

}  // namespace lsend::storage
