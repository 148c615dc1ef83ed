#include "lsend/storage/shared_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <thread>

#include "descriptor_io.hpp"
#include "disk_error.hpp"
#include "lsend/model/text.hpp"

namespace lsend::storage {
namespace {

constexpr Duration kBetweenTries{5};

std::string quoted(const std::filesystem::path& path) {
  return "'" + escape_for_terminal(path.string(), 4096) + "'";
}

}  // namespace

Result<std::optional<std::string>> read_small_file(const std::filesystem::path& path,
                                                   std::size_t most) {
  // O_NONBLOCK: opening a FIFO under this name would wait for ever.
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd && errno == ENOENT) return std::optional<std::string>();
  const auto what = "cannot read " + quoted(path);
  if (!fd) return disk_error(what, errno);
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return disk_error(what, errno);
  if (!S_ISREG(info.st_mode)) return fail(Errc::io, what + ": it is not a regular file");
  std::string text;
  std::array<std::byte, 16 * 1024> block{};
  while (true) {
    const auto bytes = read_some(fd.get(), block);
    if (bytes < 0) return disk_error(what, errno);
    if (bytes == 0) return std::optional<std::string>(std::move(text));
    text.append(reinterpret_cast<const char*>(block.data()), static_cast<std::size_t>(bytes));
    if (text.size() > most)
      return fail(Errc::io, what + ": it is longer than " + format_size(most));
  }
}

Result<FileLock> FileLock::take(const std::filesystem::path& path, Duration limit,
                                const std::atomic<bool>* stop) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return disk_error("cannot open " + quoted(path), errno);
  const auto give_up = Clock::now() + limit;
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return disk_error("cannot lock " + quoted(path), errno);
    if (stop && *stop) return fail(Errc::cancelled, "waiting for " + quoted(path) + " was ended");
    if (Clock::now() >= give_up)
      return fail(Errc::io,
                  "another process keeps " + quoted(path) + " locked; try again when it has ended");
    std::this_thread::sleep_for(kBetweenTries);
  }
  return FileLock(std::move(fd));
}

}  // namespace lsend::storage
