#include "lsend/storage/config.hpp"

#include <fcntl.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "lsend/model/text.hpp"
#include "lsend/storage/unique_fd.hpp"

namespace lsend::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = 1024 * 1024;
constexpr std::size_t kPathBytes = 4096;

std::string shown(const fs::path& path) { return escape_for_terminal(path.string(), kPathBytes); }

Result<std::optional<std::string>> read_text(const fs::path& path) {
  const auto what = "cannot read the configuration '" + shown(path) + "'";
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && (errno == ENOENT || errno == ENOTDIR)) return std::optional<std::string>();
  if (!file) return fail_errno(Errc::usage, what, errno);
  std::string text;
  std::array<char, 16 * 1024> buffer{};
  while (text.size() <= kMostBytes) {
    const auto bytes = read(file.get(), buffer.data(), buffer.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return fail_errno(Errc::usage, what, errno);
    if (bytes == 0) return std::optional<std::string>(std::move(text));
    text.append(buffer.data(), static_cast<std::size_t>(bytes));
  }
  return fail(Errc::usage, what + ": it is larger than 1 MiB");
}

std::string place_of(const fs::path& path, const toml::source_region& source) {
  return shown(path) + ":" + std::to_string(source.begin.line) + ":" +
         std::to_string(source.begin.column);
}

/// Texts only; anything else in it makes the whole a type that no key has.
std::optional<std::vector<std::string>> texts_of(const toml::array& array) {
  std::vector<std::string> texts;
  for (const auto& element : array) {
    const auto* text = element.as_string();
    if (text == nullptr) return std::nullopt;
    texts.push_back(text->get());
  }
  return texts;
}

ConfigValue value_of(const toml::node& node, std::string place) {
  ConfigValue value;
  value.place = std::move(place);
  if (const auto* flag = node.as_boolean()) value.value = flag->get();
  if (const auto* number = node.as_integer()) value.value = number->get();
  if (const auto* text = node.as_string()) value.value = text->get();
  if (const auto* array = node.as_array())
    if (auto texts = texts_of(*array)) value.value = std::move(*texts);
  return value;
}

ConfigTable table_of(const fs::path& path, const toml::table& table) {
  ConfigTable values;
  values.place = place_of(path, table.source());
  // An error is about the key; the value may begin on a later line.
  for (const auto& [key, node] : table)
    values.values[std::string(key.str())] = value_of(node, place_of(path, key.source()));
  return values;
}

Result<toml::table> parse(const fs::path& path, const std::string& text) try {
  return toml::parse(text);
} catch (const toml::parse_error& error) {
  return fail(Errc::usage,
              place_of(path, error.source()) + ": " + escape_for_terminal(error.description()));
}

}  // namespace

Result<std::optional<ConfigFile>> read_config(const fs::path& path) {
  const auto text = read_text(path);
  if (!text) return text.error();
  if (!*text) return std::optional<ConfigFile>();
  const auto parsed = parse(path, **text);
  if (!parsed) return parsed.error();
  ConfigFile file;
  file.path = path;
  auto& top = file.tables[""];
  for (const auto& [key, node] : *parsed) {
    const std::string name(key.str());
    if (const auto* table = node.as_table(); table != nullptr && !name.empty())
      file.tables[name] = table_of(path, *table);
    else
      top.values[name] = value_of(node, place_of(path, key.source()));
  }
  return std::optional<ConfigFile>(std::move(file));
}

}  // namespace lsend::storage
