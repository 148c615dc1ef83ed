#include <algorithm>
#include <cerrno>

#include "descriptor_io.hpp"
#include "lsend/storage/file_source.hpp"

namespace lsend::storage {
namespace {

constexpr std::size_t kLongestList = 256 * 1024 * 1024;

}  // namespace

Result<std::vector<std::filesystem::path>> read_path_list(int input_fd, bool null) {
  std::string text;
  std::vector<std::byte> block(64 * 1024);
  while (true) {
    const ssize_t bytes = read_some(input_fd, block);
    if (bytes < 0) return fail_errno(Errc::io, "cannot read the list of files", errno);
    if (bytes == 0) break;
    text.append(reinterpret_cast<const char*>(block.data()), static_cast<std::size_t>(bytes));
    if (text.size() > kLongestList)
      return fail(Errc::limit, "the list of files is longer than 256 MiB");
  }
  std::vector<std::filesystem::path> paths;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find(null ? '\0' : '\n', start), text.size());
    if (end > start) paths.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return paths;
}

}  // namespace lsend::storage
