#include "lsend/storage/real_path.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <string>
#include <string_view>
#include <vector>

namespace lsend::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as many as the kernel follows

/// The parts of `text` that come first are put last, where they are taken from.
void push_parts(std::vector<std::string>& parts, std::string_view text) {
  while (!text.empty()) {
    const auto slash = text.rfind('/');
    const auto part = text.substr(slash == std::string_view::npos ? 0 : slash + 1);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    text = text.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
}

}  // namespace

fs::path real_path(const fs::path& path, std::error_code& error) {
  error.clear();
  if (path.empty()) error.assign(ENOENT, std::generic_category());
  const fs::path whole = error ? fs::path() : fs::absolute(path, error);
  if (error) return {};
  std::vector<std::string> parts;
  push_parts(parts, whole.native());
  std::string real;
  std::array<char, PATH_MAX> target{};
  for (int links = 0; !parts.empty();) {
    const std::string part = std::move(parts.back());
    parts.pop_back();
    if (part == "..") {
      real.resize(real.empty() ? 0 : real.rfind('/'));
      continue;
    }
    const std::string next = real + "/" + part;
    const ssize_t size = readlink(next.c_str(), target.data(), target.size());
    if (size < 0 && errno != EINVAL && errno != ENOENT && errno != ENOTDIR) {
      error.assign(errno, std::generic_category());
      return {};
    }
    if (size < 0) {
      real = next;
      continue;
    }
    if (++links > kMostLinks) {
      error.assign(ELOOP, std::generic_category());
      return {};
    }
    if (target[0] == '/') real.clear();
    push_parts(parts, std::string_view(target.data(), static_cast<std::size_t>(size)));
  }
  return real.empty() ? fs::path("/") : fs::path(real);
}

}  // namespace lsend::storage
