#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lsend::storage {

/// Which files are sent (cli.md, send): rules as rsync knows them. The first that fits decides, and
/// what no rule fits is sent. A pattern without '/' is compared with the last part of a name,
/// wherever it stands; with '/' inside, with the last parts; with '/' in front, with the whole name
/// from the first folder on. A '/' at the end fits folders only. '*' and '?' do not fit '/', "**"
/// fits all. What is below a folder that was left out is left out with it.
class NameFilter {
 public:
  struct Rule {
    bool include = false;
    std::string pattern;
  };

  NameFilter() = default;
  explicit NameFilter(std::vector<Rule> rules) : rules_(std::move(rules)) {}

  /// `name`: parts joined by '/', as it will be sent.
  bool takes(std::string_view name, bool folder) const;

 private:
  std::vector<Rule> rules_;
};

}  // namespace lsend::storage
