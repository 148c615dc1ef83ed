#include "lsend/model/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>

namespace lsend {
namespace {

/// The first character of a text. `size` is 0 where the bytes are no UTF-8.
struct Character {
  char32_t code = 0;
  std::size_t size = 0;
};

unsigned byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

/// How many bytes at the front are printable ASCII, as nearly all of every name is.
std::size_t printable_ascii(std::string_view text) {
  const auto other =
      std::find_if(text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7E; });
  return static_cast<std::size_t>(other - text.begin());
}

bool is_continuation(unsigned byte) { return (byte & 0xC0U) == 0x80U; }

/// RFC 3629; `text` is not empty.
Character first_character(std::string_view text) {
  const unsigned lead = byte_at(text, 0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {};
  char32_t code = lead & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (!is_continuation(byte_at(text, i))) return {};
    code = (code << 6U) | (byte_at(text, i) & 0x3FU);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (overlong || surrogate || code > 0x10FFFF) return {};
  return {code, size};
}

/// Moves the cursor, hides or reorders text, or cannot be seen at all.
bool is_harmful(char32_t code) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  static constexpr std::array<Range, 12> ranges{{
      {0x0000, 0x001F},    // C0
      {0x007F, 0x009F},    // DEL, C1
      {0x00AD, 0x00AD},    // soft hyphen
      {0x061C, 0x061C},    // Arabic letter mark
      {0x180E, 0x180E},    // Mongolian vowel separator
      {0x200B, 0x200F},    // zero width, directional marks
      {0x2028, 0x202E},    // line and paragraph separator, bidi embeddings and overrides
      {0x2060, 0x206F},    // word joiner, invisible operators, bidi isolates
      {0xFEFF, 0xFEFF},    // byte order mark
      {0xFFF9, 0xFFFB},    // interlinear annotation
      {0xE0000, 0xE007F},  // tags
      {0xFFFE, 0xFFFF},    // no characters
  }};
  return std::any_of(ranges.begin(), ranges.end(),
                     [code](Range r) { return code >= r.first && code <= r.last; });
}

std::string hex(char32_t code, std::size_t width) {
  std::array<char, 8> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), static_cast<unsigned>(code), 16)
          .ptr;
  std::string digits(buffer.data(), end);
  std::transform(digits.begin(), digits.end(), digits.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

/// What the terminal gets to see of the first character of `text`.
std::string shown(std::string_view text, Character character) {
  if (character.size == 0) return "\\x" + hex(byte_at(text, 0), 2);
  if (!is_harmful(character.code)) return std::string{text.substr(0, character.size)};
  if (character.code < 0x80) return "\\x" + hex(character.code, 2);
  return "\\u{" + hex(character.code, 4) + "}";
}

}  // namespace

std::string escape_for_terminal(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes && printable_ascii(text) == text.size()) return std::string{text};
  constexpr std::string_view dots = "...";
  std::string result;
  std::size_t cut = 0;  // where the text can end and leave room for the dots
  while (!text.empty()) {
    const Character character = first_character(text);
    result += shown(text, character);
    if (result.size() > max_bytes) {
      result.resize(cut);
      result += dots.substr(0, max_bytes);
      break;
    }
    if (result.size() + dots.size() <= max_bytes) cut = result.size();
    text.remove_prefix(std::max<std::size_t>(character.size, 1));
  }
  return result;
}

bool is_utf8(std::string_view text) {
  text.remove_prefix(printable_ascii(text));
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.size == 0) return false;
    text.remove_prefix(character.size);
  }
  return true;
}

std::string to_utf8(std::string_view bytes) {
  std::string result;
  if (printable_ascii(bytes) == bytes.size()) return std::string{bytes};
  result.reserve(bytes.size());
  while (!bytes.empty()) {
    const Character character = first_character(bytes);
    result +=
        character.size == 0 ? std::string_view{"\xEF\xBF\xBD"} : bytes.substr(0, character.size);
    bytes.remove_prefix(std::max<std::size_t>(character.size, 1));
  }
  return result;
}

std::string_view cut_utf8(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes;
  // No character has more than three continuation bytes: other text is cut where it is.
  for (int step = 0; step < 3 && end > 0 && is_continuation(byte_at(text, end)); ++step) --end;
  return text.substr(0, is_continuation(byte_at(text, end)) ? max_bytes : end);
}

std::string format_size(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 6> units{"KB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  std::uint64_t unit = 1000;
  for (std::size_t i = 0;; ++i, unit *= 1000) {
    std::uint64_t step = unit / 100;
    for (std::size_t decimals = 2;; --decimals, step *= 10) {
      const std::uint64_t steps = bytes / step + (bytes % step >= (step + 1) / 2 ? 1 : 0);
      if (steps < 1000) {
        std::string digits = std::to_string(steps);
        if (decimals > 0) digits.insert(digits.size() - decimals, ".");
        return digits + ' ' + std::string{units.at(i)};
      }
      if (decimals == 0) break;
    }
  }
}

}  // namespace lsend
