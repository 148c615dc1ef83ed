#include "lsend/storage/part_label.hpp"

#include <nlohmann/json.hpp>

namespace lsend::storage {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::size_t kMaxName = 4096;

/// The text of a member; nothing when it is missing or no text.
std::optional<std::string> text_in(const Json& json, const char* key) {
  const auto member = json.find(key);
  if (member == json.end() || !member->is_string()) return std::nullopt;
  return member->get<std::string>();
}

bool is_lower_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

std::string encode_part_label(const PartLabel& label) {
  Json json;
  json["v"] = kFormat;
  json["sender"] = label.sender.str();
  json["name"] = label.file_name;
  json["size"] = label.size;
  if (label.sha256) json["sha256"] = *label.sha256;
  if (label.modified) json["modified"] = format_rfc3339(*label.modified);
  return json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

std::optional<PartLabel> parse_part_label(std::string_view text) {
  if (text.size() > kMaxPartLabel) return std::nullopt;
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto version = json.find("v");
  if (version == json.end() || !version->is_number_unsigned() || *version != kFormat)
    return std::nullopt;
  const auto sender = text_in(json, "sender");
  const auto name = text_in(json, "name");
  const auto size = json.find("size");
  if (!sender || !name || size == json.end() || !size->is_number_unsigned()) return std::nullopt;
  PartLabel label{Fingerprint(*sender), *name, size->get<std::uint64_t>()};
  if (label.sender.str() != *sender || !label.sender.is_sha256()) return std::nullopt;
  if (name->empty() || name->size() > kMaxName || label.size == 0) return std::nullopt;
  std::size_t members = 4;
  if (json.contains("sha256")) {
    label.sha256 = text_in(json, "sha256");
    if (!label.sha256 || !is_lower_sha256(*label.sha256)) return std::nullopt;
    ++members;
  }
  if (json.contains("modified")) {
    label.modified = parse_rfc3339(text_in(json, "modified").value_or(""));
    if (!label.modified) return std::nullopt;
    ++members;
  }
  return json.size() == members ? std::optional(std::move(label)) : std::nullopt;
}

}  // namespace lsend::storage
