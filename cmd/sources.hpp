#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cmd/options.hpp"
#include "lsend/app/configuration.hpp"

namespace lsend::cmd {

/// What something else than a flag gives for an option.
struct Found {
  std::variant<bool, std::string, std::vector<std::string>> value;
  std::string name;   ///< how an error speaks of it: the variable, or file, line, column and key
  unsigned rank = 0;  ///< the lower one wins
};

/// The environment, then the configuration files in their order.
class Sources {
 public:
  Sources(Environment environment, std::vector<storage::ConfigFile> files)
      : environment_(std::move(environment)), files_(std::move(files)) {}

  /// `option` with its dashes. Nothing for options that only a flag gives.
  std::optional<Found> find(const std::string& section, const std::string& option) const;
  std::vector<std::string> files() const;
  /// [groups] of all files; the first one that names a group defines it.
  std::map<std::string, std::vector<std::string>> groups() const;

 private:
  Environment environment_;
  std::vector<storage::ConfigFile> files_;
};

/// Reads and checks the files of the configuration: `chosen` (--config) has to be there and stands
/// for the user's own.
Result<std::vector<storage::ConfigFile>> read_config_files(const std::optional<std::string>& chosen,
                                                           const ConfigPaths& paths);

}  // namespace lsend::cmd
