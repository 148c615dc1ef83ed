#pragma once

#include <string>
#include <vector>

namespace lsend::transfer {

/// Which files may come by their names: --allow and --deny, patterns of fnmatch(3), where '*' also
/// stands for '/'.
struct FileFilter {
  std::vector<std::string> allow;  ///< empty: all
  std::vector<std::string> deny;   ///< stronger than allow

  /// `path` is the cleaned one, "a/b.txt". A pattern fits when it fits the path or its last name.
  bool passes(const std::string& path) const;
};

}  // namespace lsend::transfer
