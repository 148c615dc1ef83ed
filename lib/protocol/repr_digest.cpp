#include "lsend/protocol/repr_digest.hpp"

#include <cstdint>

namespace lsend::protocol {
namespace {

constexpr std::string_view kName = "sha-256=:";
constexpr std::size_t kBase64Size = 44;  // of 32 bytes, one '=' at the end
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHex = "0123456789abcdef";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// 43 digits of six bits are 32 bytes and two bits that have to be 0.
std::optional<std::string> hex_of_base64(std::string_view text) {
  if (text.size() != kBase64Size || text.back() != '=') return std::nullopt;
  std::string hex;
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text.substr(0, kBase64Size - 1)) {
    const auto digit = kBase64.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(digit);
    held += 6;
    while (held >= 4) {
      held -= 4;
      hex += kHex[bits >> held & 15U];
    }
  }
  if ((bits & 3U) != 0) return std::nullopt;
  return hex;
}

}  // namespace

std::string repr_digest(std::string_view sha256) {
  std::string field(kName);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : sha256) {
    bits = bits << 4U | static_cast<std::uint32_t>(kHex.find(c) & 15U);
    held += 4;
    if (held >= 6) {
      held -= 6;
      field += kBase64[bits >> held & 63U];
    }
  }
  if (held > 0) field += kBase64[bits << (6 - held) & 63U];
  return field + "=:";
}

std::optional<std::string> sha256_of_repr_digest(std::string_view field) {
  while (!field.empty()) {
    const auto end = field.find(',');
    const auto member = trimmed(field.substr(0, end));
    field = end == std::string_view::npos ? std::string_view() : field.substr(end + 1);
    if (!member.starts_with(kName) || !member.ends_with(':')) continue;
    const auto value = member.substr(kName.size());
    return hex_of_base64(value.substr(0, value.size() - 1));
  }
  return std::nullopt;
}

}  // namespace lsend::protocol
