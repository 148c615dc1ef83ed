#include "cmd/sources.hpp"

#include <unistd.h>

#include <cerrno>

#include "cmd/config_keys.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

std::vector<std::string> split_commas(std::string_view rest) {
  std::vector<std::string> parts;
  while (!rest.empty()) {
    const auto part = rest.substr(0, rest.find(','));
    if (!part.empty()) parts.emplace_back(part);
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
  return parts;
}

std::optional<bool> truth(std::string_view word) {
  if (word == "1" || word == "true" || word == "yes") return true;
  if (word == "0" || word == "false" || word == "no") return false;
  return std::nullopt;
}

Found found_in_environment(const ConfigKey& key, std::string name, std::string text) {
  using Kind = ConfigKey::Kind;
  Found found{text, std::move(name), 1};
  if (key.kind == Kind::values) found.value = split_commas(text);
  const auto flag = truth(text);
  const bool may_be_flag = key.kind == Kind::flag || key.kind == Kind::flag_or_value;
  if (may_be_flag && flag) found.value = *flag;
  return found;
}

Found found_in_file(const ConfigKey& key, const storage::ConfigValue& value, unsigned rank) {
  Found found{std::string(), value.place + ": " + key.name, rank};
  if (const auto* flag = std::get_if<bool>(&value.value)) found.value = *flag;
  if (const auto* text = std::get_if<std::string>(&value.value)) found.value = *text;
  if (const auto* number = std::get_if<std::int64_t>(&value.value))
    found.value = std::to_string(*number);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value.value)) found.value = *list;
  if (const auto* text = std::get_if<std::string>(&found.value))
    if (key.kind == ConfigKey::Kind::values) found.value = std::vector<std::string>{*text};
  return found;
}

}  // namespace

namespace {

/// A folder that this user cannot enter holds nothing of theirs: a container has /root for a home
/// and runs as anybody.
bool is_closed(const std::filesystem::path& path) {
  return ::access(path.parent_path().c_str(), X_OK) != 0 && errno == EACCES;
}

}  // namespace

ConfigPaths usual_config_paths() {
  ConfigPaths paths;
  // Without a home the options say so themselves.
  if (const auto home = storage::Home::locate()) paths.user = home->config / "config.toml";
  paths.system = "/etc/lsend/config.toml";
  return paths;
}

std::optional<Found> Sources::find(const std::string& section, const std::string& option) const {
  const auto* key = find_config_key(section, std::string_view(option).substr(2));
  if (key == nullptr) return std::nullopt;
  auto variable = variable_of(*key);
  if (auto text = environment_(variable.c_str()))
    return found_in_environment(*key, std::move(variable), std::move(*text));
  unsigned rank = 2;
  for (const auto& file : files_) {
    const auto table = file.tables.find(section);
    if (table != file.tables.end()) {
      const auto value = table->second.values.find(key->name);
      if (value != table->second.values.end()) return found_in_file(*key, value->second, rank);
    }
    ++rank;
  }
  return std::nullopt;
}

std::vector<std::string> Sources::files() const {
  std::vector<std::string> names;
  for (const auto& file : files_) names.push_back(file.path.string());
  return names;
}

std::map<std::string, std::vector<std::string>> Sources::groups() const {
  std::map<std::string, std::vector<std::string>> groups;
  for (const auto& file : files_) {
    const auto table = file.tables.find("groups");
    if (table == file.tables.end()) continue;
    for (const auto& [name, value] : table->second.values)
      groups.emplace(name, std::get<std::vector<std::string>>(value.value));
  }
  return groups;
}

Result<std::vector<storage::ConfigFile>> read_config_files(const std::optional<std::string>& chosen,
                                                           const ConfigPaths& paths) {
  std::vector<storage::ConfigFile> files;
  for (const auto& path : {chosen ? std::filesystem::path(*chosen) : paths.user, paths.system}) {
    if (path.empty() || (!files.empty() && files.front().path == path)) continue;
    const bool must_be = chosen && path == *chosen;
    if (!must_be && path == paths.user && is_closed(path)) continue;
    auto file = storage::read_config(path);
    if (!file) return file.error();
    if (!*file && must_be)
      return fail(Errc::usage, "--config: there is no file '" + escape_for_terminal(*chosen) + "'");
    if (!*file) continue;
    if (auto error = check_config(**file)) return *error;
    files.push_back(std::move(**file));
  }
  return files;
}

}  // namespace lsend::cmd
