// Parts that outlive the upload, and the process, that brought them (reliability.md 7.5).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <limits>
#include <memory>

#include "descriptor_io.hpp"
#include "disk_error.hpp"
#include "lsend/storage/disk_name.hpp"
#include "lsend/storage/inbox.hpp"
#include "part_folder.hpp"
#include "part_lock.hpp"

namespace lsend::storage {
namespace {

constexpr std::size_t kBlock = 1024 * 1024;
constexpr std::uint64_t kStatBlock = 512;

/// reopen() may meet somebody who looks at the part.
constexpr int kLockTries = 3;
constexpr timespec kBetweenTries{0, 1'000'000};

}  // namespace

Result<> PartFile::write_label() {
  // Of what others may take for left over nobody is told.
  if (labelled_ || !label_ || !fd_ || !locked_) return {};
  auto written = storage::write_label(home_.part_folder_fd(), part_name_, *label_);
  labelled_ = written.has_value();
  return written;
}

void PartFile::keep() {
  const bool worth = fd_ && label_ && locked_ && !sealed_ && written_ > 0;
  // What was set aside ahead of the bytes is given back.
  if (!worth || ftruncate(fd_.get(), static_cast<off_t>(written_)) != 0 || !write_label())
    return remove();
  fd_.reset();
}

Result<std::uint64_t> PartFile::take_over(std::uint64_t most) {
  if (!fd_ || sealed_ || !digest_) return fail(Errc::failed, "this part goes on from nothing");
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kBlock);
  const std::uint64_t from = written_;
  most = std::min(most, expected_ - 1 - written_);
  while (written_ - from < most) {
    const auto room = std::min<std::uint64_t>(kBlock, most - (written_ - from));
    const std::span block(buffer.get(), static_cast<std::size_t>(room));
    const auto bytes = read_some(fd_.get(), block);
    if (bytes < 0) return disk_error("cannot read a part in the inbox", errno);
    if (bytes == 0) break;
    digest_->update(block.first(static_cast<std::size_t>(bytes)));
    written_ += static_cast<std::uint64_t>(bytes);
  }
  return written_ - from;
}

Result<ResumePoint> PartFile::settle_beginning() {
  if (!fd_ || sealed_ || !digest_) return fail(Errc::failed, "this part goes on from nothing");
  const auto end = static_cast<off_t>(written_);
  if (ftruncate(fd_.get(), end) != 0 || lseek(fd_.get(), end, SEEK_SET) != end)
    return disk_error("cannot go on with a part in the inbox", errno);
  return ResumePoint{written_, digest_->hex_so_far()};
}

std::vector<KeptPart> Inbox::kept_parts() const {
  std::vector<KeptPart> parts;
  const auto eldest = static_cast<std::int64_t>(std::time(nullptr)) -
                      std::chrono::duration_cast<std::chrono::seconds>(kStaleParts).count();
  const auto folder = this->parts();
  for (const auto& name : names_in(folder->fd.get())) {
    const auto part = part_of_label(name, part_prefix_);
    struct stat status {};
    if (!part || fstatat(folder->fd.get(), part->c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    const bool ours = is_own(status, *folder);
    if (!ours || status.st_size <= 0 || status.st_ctim.tv_sec < eldest) continue;
    auto label = read_label(*folder, *part);
    if (!label) continue;
    const UniqueFd fd(openat(folder->fd.get(), part->c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd || is_part_locked(fd.get())) continue;
    parts.push_back({*part, std::move(*label), static_cast<std::uint64_t>(status.st_size),
                     static_cast<std::uint64_t>(status.st_blocks) * kStatBlock,
                     status.st_ctim.tv_sec});
  }
  return parts;
}

Result<PartFile> Inbox::reopen(const KeptPart& part) const {
  const auto where = home();
  const int folder = where.part_folder_fd();
  UniqueFd fd(openat(folder, part.name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return disk_error("cannot open a part in the inbox", errno);
  auto lock = lock_part(fd.get());
  for (int tries = 1; lock == PartLock::taken && tries < kLockTries; ++tries) {
    nanosleep(&kBetweenTries, nullptr);
    lock = lock_part(fd.get());
  }
  if (lock != PartLock::ours) return fail(Errc::busy, "a part in the inbox is in use");
  // Whoever had it before the lock was ours may have published or removed it.
  struct stat status {};
  struct stat named {};
  const bool same = fstat(fd.get(), &status) == 0 &&
                    fstatat(folder, part.name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                    status.st_ino == named.st_ino && status.st_dev == named.st_dev;
  if (!same || !is_own(status, *where.parts))
    return fail(Errc::io, "a part in the inbox is not what it was");
  PartFile reopened(where, std::move(fd), part.name, part.label.size, true, LiveBytes(live_));
  reopened.aside_ = std::numeric_limits<std::uint64_t>::max();
  reopened.live_.reach(std::min(part.bytes, part.allocated));
  reopened.label_ = part.label;
  reopened.labelled_ = true;
  return reopened;
}

std::uint64_t Inbox::leftover() const {
  std::uint64_t bytes = 0;
  const auto parts = this->parts();
  const int folder = parts->fd.get();
  for (const auto& name : names_in(folder)) {
    struct stat status {};
    if (!is_part_name(name, part_prefix_) ||
        fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode) || status.st_uid != parts->owner)
      continue;
    const UniqueFd fd(openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (fd && !is_part_locked(fd.get()))
      bytes += static_cast<std::uint64_t>(status.st_blocks) * kStatBlock;
  }
  return bytes;
}

std::size_t Inbox::sweep_stale_parts(std::chrono::seconds age) const {
  const time_t before = std::time(nullptr) - static_cast<time_t>(age.count());
  const auto parts = this->parts();
  const int folder = parts->fd.get();
  std::size_t removed = 0;
  const auto remove = [&](const std::string& name) {
    if (unlinkat(folder, name.c_str(), 0) == 0) ++removed;
  };
  const auto is_ours_at = [&](const std::string& name, struct stat& status) {
    return fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status.st_mode) && status.st_uid == parts->owner;
  };
  for (const auto& name : names_in(folder)) {
    struct stat status {};
    // By the time of the last change, which a peer's `modified` cannot move.
    if (is_part_name(name, part_prefix_) && is_ours_at(name, status) &&
        status.st_ctim.tv_sec <= before)
      remove(name);
  }
  for (const auto& name : names_in(folder)) {
    struct stat status {};
    if (is_probe_folder(name, part_prefix_) &&
        fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(status.st_mode) && status.st_uid == parts->owner &&
        status.st_ctim.tv_sec <= before)
      remove_probe_folder(folder, name);
  }
  for (const auto& name : names_in(folder)) {
    struct stat status {};
    const auto part = part_of_label(name, part_prefix_);
    if (!part || !is_ours_at(name, status)) continue;
    if (fstatat(folder, part->c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
      remove(name);
  }
  return removed;
}

}  // namespace lsend::storage
