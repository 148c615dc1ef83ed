#include "part_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "descriptor_io.hpp"
#include "disk_error.hpp"
#include "lsend/storage/part_label.hpp"

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

std::optional<PartLabel> read_label(int folder_fd, const std::string& part_name) {
  // O_NONBLOCK: opening a FIFO under this name would wait for ever.
  const UniqueFd fd(openat(folder_fd, label_name(part_name).c_str(),
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) return std::nullopt;
  const bool ours = S_ISREG(status.st_mode) && status.st_uid == geteuid() && status.st_nlink == 1 &&
                    (status.st_mode & 022U) == 0;
  if (!ours) return std::nullopt;
  const auto text = read_whole(fd.get());
  return text ? parse_part_label(*text) : std::nullopt;
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
  if (error == 0 && fsync(fd.get()) != 0) error = errno;
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
