#include "cmd/columns.hpp"

#include <algorithm>

namespace lsend::cmd {
namespace {

struct Step {
  std::size_t bytes;
  std::size_t columns;
};

/// The first character of `text`. From U+1100 on three-byte characters may be wide: East Asian
/// ones lie from U+2E80 to U+FFE6 and all of four bytes count as such, for too narrow a guess
/// would break the line.
Step first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(0);
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  if (bytes > text.size()) return {text.size(), 1};
  bool wide = bytes == 4;
  if (bytes == 3) {
    const unsigned code = ((lead & 0x0FU) << 12U) | ((byte(1) & 0x3FU) << 6U) | (byte(2) & 0x3FU);
    wide =
        (code >= 0x1100 && code <= 0x115F) || (code >= 0x2600 && code <= 0x27BF) || code >= 0x2E80;
  }
  return {bytes, wide ? 2U : 1U};
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const auto step = first_character(text);
    columns += step.columns;
    text.remove_prefix(step.bytes);
  }
  return columns;
}

std::string pad_right(std::string text, std::size_t columns) {
  const auto width = display_width(text);
  if (width < columns) text.append(columns - width, ' ');
  return text;
}

std::string cut_columns(std::string_view text, std::size_t columns) {
  std::size_t end = 0;
  while (end < text.size()) {
    const auto step = first_character(text.substr(end));
    if (step.columns > columns) break;
    columns -= step.columns;
    end += step.bytes;
  }
  return std::string(text.substr(0, end));
}

}  // namespace lsend::cmd
