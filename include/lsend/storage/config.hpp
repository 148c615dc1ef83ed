#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lsend/model/result.hpp"

namespace lsend::storage {

/// One value of a configuration file; std::monostate is a type that no key of ours has.
struct ConfigValue {
  std::variant<std::monostate, bool, std::int64_t, std::string, std::vector<std::string>> value;
  std::string place;  ///< "/etc/lsend/config.toml:3:8", escaped: errors begin with it
};

struct ConfigTable {
  std::string place;
  std::map<std::string, ConfigValue> values;
};

/// A configuration file as it is written (TOML 1.0): what its keys mean is the reader's business.
struct ConfigFile {
  std::filesystem::path path;
  /// "" holds the keys that stand before any table.
  std::map<std::string, ConfigTable> tables;
};

/// Nothing where there is no such file. Errc::usage with file, line and column for what is no TOML;
/// with the reason when it cannot be read or is larger than 1 MiB.
Result<std::optional<ConfigFile>> read_config(const std::filesystem::path& path);

}  // namespace lsend::storage
