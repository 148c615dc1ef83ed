#include "lsend/transfer/file_filter.hpp"

#include <fnmatch.h>

#include <algorithm>

namespace lsend::transfer {

bool FileFilter::passes(const std::string& path) const {
  const auto name = path.substr(path.rfind('/') + 1);
  const auto fits = [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), path.c_str(), 0) == 0 ||
           ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
  };
  if (std::any_of(deny.begin(), deny.end(), fits)) return false;
  return allow.empty() || std::any_of(allow.begin(), allow.end(), fits);
}

}  // namespace lsend::transfer
