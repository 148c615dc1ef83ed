#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>
#include <utility>

#include "descriptor_io.hpp"
#include "disk_error.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/inbox.hpp"
#include "lsend/storage/safe_path.hpp"
#include "part_folder.hpp"
#include "publish.hpp"

namespace lsend::storage {
namespace {

constexpr int kAskStopMilliseconds = 100;
constexpr std::uint64_t kWorthAllocating = 128 * 1024;
constexpr auto kLargestFile = std::uint64_t{std::numeric_limits<std::int64_t>::max()};
/// Set aside at a time: a disk in memory clears it at once, while everybody waits.
constexpr std::uint64_t kAside = 16 * 1024 * 1024;
constexpr auto kNeverAside = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kWorthAThread = 256 * 1024;
/// Shorter holes are not looked for. Any piece of zeros may be left out of a new file.
constexpr std::size_t kHole = 4096;
/// Written of a file with holes before its disk is asked again.
constexpr std::uint64_t kAskRoom = 1024 * 1024;

Error wrong_size(const std::string& name, std::uint64_t announced, std::uint64_t came) {
  return fail(Errc::size_mismatch, "'" + escape_for_terminal(name) + "' was announced with " +
                                       std::to_string(announced) + " bytes and " +
                                       std::to_string(came) + " came");
}

bool is_zeros(std::span<const std::byte> bytes) {
  return bytes.front() == std::byte{0} &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

/// A time from a peer only where a file of this world may have it.
bool is_plausible(FileTime time) {
  return time >= FileTime{} && time <= std::chrono::system_clock::now() + std::chrono::days(1);
}

void set_modified(int fd, FileTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  timespec times[2]{};
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = static_cast<time_t>(whole.time_since_epoch().count());
  times[1].tv_nsec = static_cast<long>((time - whole).count());
  futimens(fd, times);  // a file system that keeps no times keeps the file
}

/// Network file systems tell of a full disk or quota when a descriptor is closed.
int close_for_errors(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return 0;
  return close(copy) == 0 || errno == EINTR ? 0 : errno;
}

}  // namespace

LiveBytes::~LiveBytes() {
  if (all_) *all_ -= bytes_;
}

void LiveBytes::reach(std::uint64_t bytes) {
  if (bytes <= bytes_) return;
  *all_ += bytes - bytes_;
  bytes_ = bytes;
}

PartFile::PartFile(PartHome home, UniqueFd fd, std::string part_name, std::uint64_t expected,
                   bool hash, LiveBytes live)
    : home_(std::move(home)),
      fd_(std::move(fd)),
      part_name_(std::move(part_name)),
      expected_(expected),
      live_(std::move(live)) {
  if (hash) digest_.emplace(StreamHash::pays(expected));
}

PartFile::~PartFile() { remove(); }

void PartFile::remove() noexcept {
  if (!fd_) return;
  unlinkat(home_.part_folder_fd(), part_name_.c_str(), 0);
  remove_label();
  // Whoever closes what has no name any more frees all of it.
  const bool large = expected_ > kLargestFile ? written_ >= kSlow : expected_ >= kSlow;
  if (!large || !home_.closer || !*home_.closer) return fd_.reset();
  try {
    (*home_.closer)(std::move(fd_));
  } catch (...) {
    // No thread or memory for it: whoever threw has closed it.
    fd_.reset();
  }
}

/// Room for what comes next, beyond the end: a part is as long as what has come of it, also when we
/// are killed. The limit of its size is therefore for us to look at.
Result<> PartFile::set_aside() {
  if (holes_ || expected_ < kWorthAllocating || expected_ > kLargestFile) aside_ = kNeverAside;
  if (aside_ == kNeverAside) return {};
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < expected_)
    return disk_error("no room for " + format_size(expected_) + " in the inbox", EFBIG);
  const auto size = std::min(expected_ - aside_, kAside);
  int status = 0;
  do {
    status = fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(aside_),
                       static_cast<off_t>(size));
  } while (status != 0 && errno == EINTR);
  if (status != 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
    return disk_error("no room for " + format_size(expected_) + " in the inbox", errno);
  aside_ = status == 0 ? aside_ + size : kNeverAside;
  if (aside_ != kNeverAside) live_.reach(aside_);
  return {};
}

void PartFile::remove_label() noexcept {
  if (labelled_) unlinkat(home_.part_folder_fd(), label_name(part_name_).c_str(), 0);
  labelled_ = false;
}

Result<> PartFile::write(std::span<const std::byte> bytes) {
  if (!fd_ || sealed_) return fail(Errc::failed, "the file on its way in is closed already");
  if (bytes.size() > expected_ - written_) {
    return fail(Errc::size_mismatch,
                "more than the " + std::to_string(expected_) + " bytes announced came");
  }
  if (digest_) digest_->update(bytes);
  return holes_ ? write_sparse(bytes) : write_dense(bytes);
}

Result<> PartFile::write_dense(std::span<const std::byte> bytes) {
  while (written_ + bytes.size() > aside_)
    if (auto ok = set_aside(); !ok) return ok;
  while (!bytes.empty()) {
    const auto count = ::write(fd_.get(), bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return disk_error("cannot write to the inbox", errno);
    }
    written_ += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  live_.reach(written_);
  return {};
}

/// What is never written of a new file reads as zeros, wherever the pieces that came begin and end.
Result<> PartFile::write_sparse(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    std::size_t run = 0;
    bool zeros = false;
    while (run < bytes.size()) {
      const auto left = kHole - static_cast<std::size_t>((written_ + run) % kHole);
      const auto piece = bytes.subspan(run, std::min(left, bytes.size() - run));
      const bool alike = is_zeros(piece) == zeros;
      if (run > 0 && !alike) break;
      if (!alike) zeros = true;
      run += piece.size();
    }
    if (!zeros) {
      if (auto ok = take_room(run); !ok) return ok;
      const int error = write_all_at(fd_.get(), bytes.first(run), static_cast<off_t>(written_));
      if (error != 0) return disk_error("cannot write to the inbox", error);
      stored_ += run;
    }
    written_ += run;
    bytes = bytes.subspan(run);
  }
  live_.reach(std::min(stored_, holes_->allocated));
  return {};
}

Result<> PartFile::take_room(std::size_t bytes) {
  if (bytes > room_) {
    const auto usable = holes_->room(holes_->allocated - std::min(holes_->allocated, stored_));
    if (!usable) return usable.error();
    if (bytes > *usable) {
      return fail(Errc::no_space,
                  "no room for more of a file that was announced with " +
                      format_size(holes_->allocated) + " on the disk and has more: make room, or "
                      "lower the reserve (--min-free)");
    }
    room_ = std::max<std::uint64_t>(bytes, std::min(*usable, kAskRoom));
  }
  room_ -= bytes;
  return {};
}

bool PartFile::slow_to_seal() const {
  return holes_.has_value() || (home_.close_tells && written_ >= kWorthAThread);
}

Result<> PartFile::seal(const PublishTerms& terms) {
  if (!fd_ || sealed_) return fail(Errc::failed, "the file on its way in is closed already");
  const std::string name = join_components(terms.name);
  const std::string shown = "'" + escape_for_terminal(name) + "'";
  if (written_ != terms.size) return wrong_size(name, terms.size, written_);
  StoredFile stored{{}, written_, std::nullopt};
  if (digest_) stored.sha256 = digest_->finish_hex();
  if (terms.sha256 && !stored.sha256) {
    return fail(Errc::failed, shown + " has an announced sha256 and was not hashed as it came");
  }
  if (terms.sha256 && strcasecmp(terms.sha256->c_str(), stored.sha256->c_str()) != 0) {
    return fail(Errc::checksum_mismatch, shown + " came damaged: its sha256 is " + *stored.sha256 +
                                             " and was announced as " +
                                             escape_for_terminal(*terms.sha256));
  }
  if (auto ok = finish(terms); !ok) return ok;
  sealed_ = std::move(stored);
  return {};
}

/// Length, mode and time of the file that it will be.
Result<> PartFile::finish(const PublishTerms& terms) {
  const std::string shown = "'" + escape_for_terminal(join_components(terms.name)) + "'";
  // What was set aside lies beyond the end and would be part of the file; a hole at the end is part
  // of it and not there yet.
  if ((written_ < expected_ || holes_) && ftruncate(fd_.get(), static_cast<off_t>(written_)) != 0) {
    return disk_error("cannot finish " + shown, errno);
  }
  const unsigned mode = terms.executable ? home_.executable_mode : home_.mode;
  if (fchmod(fd_.get(), mode) != 0 && !is_unsupported(errno))
    return disk_error("cannot set the mode of " + shown, errno);
  if (terms.modified && is_plausible(*terms.modified)) set_modified(fd_.get(), *terms.modified);
  if (const int error = home_.close_tells ? close_for_errors(fd_.get()) : 0; error != 0) {
    return disk_error("cannot finish " + shown, error);
  }
  return {};
}

Result<> PartFile::flush() const {
  if (fsync(fd_.get()) != 0) return disk_error("cannot bring a file to the disk", errno);
  return {};
}

void PartFile::set_holes(Holes holes) {
  stored_ = std::min(written_, holes.allocated);
  holes_ = std::move(holes);
}

void PartFile::start_flush() const { sync_file_range(fd_.get(), 0, 0, SYNC_FILE_RANGE_WRITE); }

Result<StoredFile> PartFile::hand_over(int output_fd, const std::atomic<bool>& stop) const {
  if (!fd_ || !sealed_) return fail(Errc::failed, "the file on its way in is not whole");
  // So many bytes never wait in a pipe that says it is ready.
  std::array<std::byte, PIPE_BUF> block{};
  for (off_t offset = 0; static_cast<std::uint64_t>(offset) < written_;) {
    const ssize_t count = pread(fd_.get(), block.data(), block.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return disk_error("cannot read what came", count < 0 ? errno : EIO);
    pollfd ready{output_fd, POLLOUT, 0};
    while (poll(&ready, 1, kAskStopMilliseconds) <= 0 && !stop) {
    }
    if (stop) return fail(Errc::cancelled, "stopped before all was written to standard output");
    const auto bytes = std::span(block).first(static_cast<std::size_t>(count));
    if (const int error = write_all(output_fd, bytes); error != 0) {
      return disk_error("cannot write to standard output", error);
    }
    offset += count;
  }
  StoredFile stored = *sealed_;
  stored.path = "-";
  return stored;
}

Result<StoredFile> PartFile::publish(const PublishTerms& terms) {
  if (!fd_ || !sealed_) return fail(Errc::failed, "the file on its way in is not whole");
  auto place = storage::publish(home_, fd_.get(), part_name_, terms);
  if (!place) {
    if (place.error().code() != Errc::not_found) remove();
    return place.error();
  }
  remove_label();
  fd_.reset();
  sealed_->path = join_components(*place);
  return std::move(*sealed_);
}

Result<StoredFile> PartFile::commit(const PublishTerms& terms) {
  if (auto whole = seal(terms); !whole) {
    remove();
    return whole.error();
  }
  auto stored = publish(terms);
  if (stored || stored.error().code() != Errc::not_found) return stored;
  remove();
  return fail(Errc::io, stored.error().message());
}

}  // namespace lsend::storage
