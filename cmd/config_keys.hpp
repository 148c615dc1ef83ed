#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lsend/app/configuration.hpp"

namespace lsend::cmd {

/// An option that a variable or a key of the configuration may give too. `section` is "" for the
/// shared options, "send" or "receive"; `name` is the long name without its dashes.
struct ConfigKey {
  enum class Kind : std::uint8_t { value, values, flag, flag_or_value, counter } kind = Kind::value;
  std::string section;
  std::string name;
};

/// Collected from the declarations of the options themselves, so that none is forgotten. Options
/// that say what one call shall do (--message, --once ...) are not among them.
const std::vector<ConfigKey>& config_keys();
const ConfigKey* find_config_key(std::string_view section, std::string_view name);

/// LSEND_MAX_SIZE for max-size. What `receive` has in common with `send` is LSEND_RECEIVE_PIN.
std::string variable_of(const ConfigKey& key);

/// The first unknown table or key and the first value of a wrong type, as Errc::usage with file,
/// line, column and what was meant.
std::optional<Error> check_config(const storage::ConfigFile& file);

}  // namespace lsend::cmd
