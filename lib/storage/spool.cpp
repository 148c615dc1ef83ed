#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#include <utility>
#include <vector>

#include "descriptor_io.hpp"
#include "disk_error.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/file_source.hpp"

namespace lsend::storage {
namespace {

constexpr std::size_t kBlock = 256 * 1024;

UniqueFd unnamed_file(const std::filesystem::path& folder) {
  UniqueFd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd) return fd;
  std::string name = (folder / "lsend-XXXXXX").string();
  fd.reset(mkostemp(name.data(), O_CLOEXEC));
  if (fd) unlink(name.c_str());
  return fd;
}

/// Standard input may be shared with a process that made it non-blocking.
ssize_t read_waiting(int fd, std::span<std::byte> buffer) {
  while (true) {
    const ssize_t count = read_some(fd, buffer);
    if (count >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return count;
    pollfd ready{fd, POLLIN, 0};
    if (poll(&ready, 1, -1) < 0 && errno != EINTR) return -1;
  }
}

}  // namespace

int writing_error(const std::filesystem::path& folder) {
  const UniqueFd file = unnamed_file(folder);
  return file ? 0 : errno;
}

Result<Spool> Spool::from(int input_fd, const std::vector<std::filesystem::path>& folders) {
  UniqueFd file;
  std::string where;
  std::string tried;
  int why = 0;
  for (const auto& folder : folders) {
    where = "'" + escape_for_terminal(folder.string()) + "'";
    tried += (tried.empty() ? "" : " or ") + where;
    file = unnamed_file(folder);
    if (file) break;
    if (why == 0) why = errno;
  }
  if (!file)
    return disk_error("cannot make a temporary file in " + tried +
                          " to learn the size of the input (name a folder with TMPDIR, or give "
                          "--size, and none is needed)",
                      why);
  std::uint64_t size = 0;
  std::vector<std::byte> buffer(kBlock);
  while (true) {
    const ssize_t count = read_waiting(input_fd, buffer);
    if (count < 0) return fail_errno(Errc::io, "cannot read the input", errno);
    if (count == 0) return Spool(std::move(file), size);
    const auto block = std::span(buffer).first(static_cast<std::size_t>(count));
    if (const int error = write_all(file.get(), block); error != 0) {
      return disk_error("cannot keep the input in " + where + " until its size is known (--size " +
                            "makes that needless)",
                        error);
    }
    size += block.size();
  }
}

}  // namespace lsend::storage
