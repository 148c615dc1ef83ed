#include "cmd/config_keys.hpp"

#include <algorithm>
#include <array>

#include "cmd/command_options.hpp"
#include "cmd/suggest.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

struct Name {
  std::string_view section, name;
};

/// What one call shall do, or where the configuration is.
constexpr std::array kPerCall{
    Name{"", "config"},           Name{"send", "to"},       Name{"send", "message"},
    Name{"send", "name"},         Name{"send", "size"},     Name{"send", "files-from"},
    Name{"send", "null"},         Name{"send", "dry-run"},  Name{"send", "fingerprint"},
    Name{"receive", "once"},      Name{"receive", "count"}, Name{"receive", "output"},
    Name{"receive", "ready-file"}};

/// Options of `receive` that `send` has too, with another meaning for the same person.
constexpr std::array<std::string_view, 4> kOfBoth{"pin", "pin-file", "checksum", "no-checksum"};

/// Keeps the names of what a command declares.
class Collector final : public Declarer {
 public:
  Collector(std::string section, std::vector<ConfigKey>& keys)
      : section_(std::move(section)), keys_(keys) {}

  void value(const char* names, Text&, const char*, const char*) override {
    add(names, ConfigKey::Kind::value);
  }
  void values(const char* names, Texts&, const char*, const char*) override {
    add(names, ConfigKey::Kind::values);
  }
  void flag(const char* names, bool&, const char*) override { add(names, ConfigKey::Kind::flag); }
  void flag_or_value(const char* names, Text&, const char*, const char*) override {
    add(names, ConfigKey::Kind::flag_or_value);
  }
  void each(const char*, std::function<void(const std::string&)>, const char*,
            const char*) override {}
  void counter(const char* names, unsigned&, const char*) override {
    add(names, ConfigKey::Kind::counter);
  }

 private:
  void add(std::string_view names, ConfigKey::Kind kind) {
    const auto name = names.substr(names.find("--") + 2);
    const auto same = [&](const Name& other) {
      return other.section == section_ && other.name == name;
    };
    if (std::none_of(kPerCall.begin(), kPerCall.end(), same))
      keys_.push_back({kind, section_, std::string(name)});
  }

  std::string section_;
  std::vector<ConfigKey>& keys_;
};

std::vector<ConfigKey> collect() {
  std::vector<ConfigKey> keys;
  RawOptions raw;
  Collector shared("", keys), send("send", keys), receive("receive", keys);
  declare_shared(shared, raw.shared);
  declare_send(send, raw.send);
  declare_receive(receive, raw.receive);
  return keys;
}

const char* wanted(ConfigKey::Kind kind) {
  switch (kind) {
    case ConfigKey::Kind::values:
      return "a list of texts is wanted, as [\"a\", \"b\"]";
    case ConfigKey::Kind::flag:
      return "true or false is wanted";
    case ConfigKey::Kind::flag_or_value:
      return "true, false or a text in quotes is wanted";
    case ConfigKey::Kind::counter:
      return "a number is wanted";
    case ConfigKey::Kind::value:
      break;
  }
  return "a text in quotes or a number is wanted";
}

bool fits(const storage::ConfigValue& value, ConfigKey::Kind kind) {
  const bool flag = std::holds_alternative<bool>(value.value);
  const bool number = std::holds_alternative<std::int64_t>(value.value);
  const bool text = std::holds_alternative<std::string>(value.value);
  switch (kind) {
    case ConfigKey::Kind::values:
      return text || std::holds_alternative<std::vector<std::string>>(value.value);
    case ConfigKey::Kind::flag:
      return flag;
    case ConfigKey::Kind::flag_or_value:
      return flag || text;
    case ConfigKey::Kind::counter:
      return number;
    case ConfigKey::Kind::value:
      break;
  }
  return number || text;
}

Error bad(const std::string& place, const std::string& message) {
  return fail(Errc::usage, place + ": " + message);
}

std::string meant(const std::string& word) {
  return word.empty() ? std::string() : "; did you mean '" + word + "'?";
}

Error unknown_key(const std::string& section, const std::string& name, const std::string& place) {
  std::vector<std::string> names;
  std::string elsewhere;
  for (const auto& key : config_keys()) {
    if (key.section == section) names.push_back(key.name);
    if (key.section != section && key.name == name)
      elsewhere = key.section.empty() ? "before any table" : "in [" + key.section + "]";
  }
  auto hint = elsewhere.empty() ? meant(nearest(name, names)) : "; it belongs " + elsewhere;
  if (hint.empty()) hint = "; lsend-config(5) lists the keys";
  const auto where = section.empty() ? std::string() : " in [" + section + "]";
  return bad(place, "unknown key '" + escape_for_terminal(name, 64) + "'" + where + hint);
}

std::optional<Error> check_groups(const storage::ConfigTable& groups) {
  for (const auto& [name, value] : groups.values) {
    const auto* targets = std::get_if<std::vector<std::string>>(&value.value);
    if (targets == nullptr || targets->empty())
      return bad(value.place, "the group '" + escape_for_terminal(name, 64) +
                                  "' is no list of targets, as [\"laptop\", \"192.168.1.20\"]");
  }
  return std::nullopt;
}

std::optional<Error> check_table(const std::string& section, const storage::ConfigTable& table) {
  for (const auto& [name, value] : table.values) {
    const auto* key = find_config_key(section, name);
    if (key == nullptr) return unknown_key(section, name, value.place);
    if (!fits(value, key->kind)) return bad(value.place, name + ": " + wanted(key->kind));
  }
  return std::nullopt;
}

}  // namespace

const std::vector<ConfigKey>& config_keys() {
  static const auto keys = collect();
  return keys;
}

const ConfigKey* find_config_key(std::string_view section, std::string_view name) {
  for (const auto& key : config_keys())
    if (key.section == section && key.name == name) return &key;
  return nullptr;
}

std::string variable_of(const ConfigKey& key) {
  const bool of_both = std::find(kOfBoth.begin(), kOfBoth.end(), key.name) != kOfBoth.end();
  std::string variable = key.section == "receive" && of_both ? "LSEND_RECEIVE_" : "LSEND_";
  for (const char letter : key.name) {
    const bool lower = letter >= 'a' && letter <= 'z';
    variable += letter == '-' ? '_' : lower ? static_cast<char>(letter - 'a' + 'A') : letter;
  }
  return variable;
}

std::optional<Error> check_config(const storage::ConfigFile& file) {
  static const std::vector<std::string> tables{"send", "receive", "groups"};
  for (const auto& [section, table] : file.tables) {
    const bool known = section.empty() || std::count(tables.begin(), tables.end(), section) != 0;
    if (!known)
      return bad(table.place, "unknown table [" + escape_for_terminal(section, 64) + "]" +
                                  (nearest(section, tables).empty()
                                       ? "; there are [send], [receive] and [groups]"
                                       : meant(nearest(section, tables))));
    auto error = section == "groups" ? check_groups(table) : check_table(section, table);
    if (error) return error;
  }
  return std::nullopt;
}

}  // namespace lsend::cmd
