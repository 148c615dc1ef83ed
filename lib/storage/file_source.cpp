#include "lsend/storage/file_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "descriptor_io.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/sha256.hpp"
#include "modified.hpp"

namespace lsend::storage {
namespace {

constexpr std::uint64_t kWorthReadingAhead = std::uint64_t{1} << 20U;
constexpr std::size_t kHashBlock = 256 * 1024;

std::string shown(const std::string& path) { return "'" + escape_for_terminal(path) + "'"; }

Error changed(const std::string& path, std::uint64_t announced, std::uint64_t there) {
  return fail(Errc::io, shown(path) + " changed while it was sent: " + std::to_string(announced) +
                            " bytes were announced, " + std::to_string(there) + " are there");
}

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

FileSource::FileSource(UniqueFd fd, const LocalFile& file, const struct stat& opened)
    : fd_(std::move(fd)),
      path_(file.path),
      size_(file.size),
      has_name_(file.descriptor < 0),
      announced_(file.modified),
      modified_(opened.st_mtim),
      changed_(opened.st_ctim) {}

Result<std::unique_ptr<FileSource>> FileSource::open(const LocalFile& file) {
  // Not blocking: a FIFO may have taken the file's place since it was listed.
  UniqueFd fd(file.descriptor >= 0
                  ? fcntl(file.descriptor, F_DUPFD_CLOEXEC, 0)
                  : ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) {
    return fail_errno(Errc::io, "cannot open " + shown(file.path), errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(Errc::io, shown(file.path) + " is no longer a regular file");
  }
  const auto there = static_cast<std::uint64_t>(status.st_size);
  if (there < file.size) return changed(file.path, file.size, there);
  if (file.size > kWorthReadingAhead) posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::unique_ptr<FileSource>(new FileSource(std::move(fd), file, status));
}

Result<std::size_t> FileSource::read(std::span<std::byte> buffer) {
  const std::uint64_t left = size_ - offset_;
  buffer = buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left)));
  if (buffer.empty()) return std::size_t{0};
  // A descriptor that others read too has one position for all.
  const ssize_t count = read_some_at(fd_.get(), buffer, offset_);
  if (count < 0) return fail_errno(Errc::io, "cannot read " + shown(path_), errno);
  if (count == 0) return changed(path_, size_, offset_);
  offset_ += static_cast<std::uint64_t>(count);
  return static_cast<std::size_t>(count);
}

std::string FileSource::remark() const {
  struct stat now {};
  if (!has_name_ || fstat(fd_.get(), &now) != 0) return {};
  const auto there = static_cast<std::uint64_t>(now.st_size);
  if (there > size_) {
    return shown(path_) + " grew while it was sent: the receiver has the first " +
           std::to_string(size_) + " of its " + std::to_string(there) + " bytes";
  }
  if (!same_time(now.st_mtim, modified_)) {
    return shown(path_) +
           " was changed while it was sent: what arrived may be neither the old nor the new file";
  }
  struct stat named {};
  const bool replaced = !same_time(now.st_ctim, changed_) &&
                        stat(path_.c_str(), &named) == 0 &&
                        (named.st_ino != now.st_ino || named.st_dev != now.st_dev);
  if (replaced) {
    return shown(path_) + " was replaced while it was sent: the receiver has the one before";
  }
  if (announced_ && modified_of(now) != announced_) {
    return shown(path_) +
           " was changed after it was announced: what arrived is newer than the time it has there";
  }
  return {};
}

Result<LocalFile> look_again(const LocalFile& file) {
  struct stat status {};
  const int looked = file.descriptor >= 0 ? fstat(file.descriptor, &status)
                                          : stat(file.path.c_str(), &status);
  if (looked != 0)
    return fail_errno(Errc::io, "cannot read " + shown(file.path), errno);
  auto now = file;
  now.size = static_cast<std::uint64_t>(status.st_size);
  now.modified = modified_of(status);
  return now;
}

Result<std::string> hash_file(const LocalFile& file, const std::atomic<bool>* stop) {
  auto source = FileSource::open(file);
  if (!source) return source.error();
  Sha256 digest;
  std::vector<std::byte> buffer(
      static_cast<std::size_t>(std::clamp<std::uint64_t>(file.size, 1, kHashBlock)));
  while (true) {
    if (stop && *stop) return fail(Errc::interrupted, "interrupted");
    auto count = (*source)->read(buffer);
    if (!count) return count.error();
    if (*count == 0) return digest.finish_hex();
    digest.update(std::span(buffer).first(*count));
  }
}

}  // namespace lsend::storage
