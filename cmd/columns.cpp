#include "cmd/columns.hpp"

#include <utf8proc.h>

#include <vector>

namespace lsend::cmd {
namespace {

struct Step {
  std::size_t bytes;
  std::size_t columns;
};

/// The first character of `text`. Marks that stand above another character take no column.
Step first_character(std::string_view text) {
  utf8proc_int32_t code = 0;
  const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                      static_cast<utf8proc_ssize_t>(text.size()), &code);
  if (bytes <= 0) return {1, 1};
  const int width = utf8proc_charwidth(code);
  return {static_cast<std::size_t>(bytes), static_cast<std::size_t>(width > 0 ? width : 0)};
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

std::string shorten_columns(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  const auto tail = (columns - 1) / 2;
  auto line = cut_columns(text, columns - 1 - tail) + "…";
  // From the back: marks go with the character before them.
  std::vector<Step> steps;
  for (auto rest = text; !rest.empty(); rest.remove_prefix(steps.back().bytes))
    steps.push_back(first_character(rest));
  std::size_t begin = text.size(), used = 0;
  std::size_t at = text.size();
  for (auto step = steps.rbegin(); step != steps.rend() && used + step->columns <= tail; ++step) {
    used += step->columns;
    at -= step->bytes;
    if (step->columns > 0) begin = at;
  }
  return line + std::string(text.substr(begin));
}

}  // namespace lsend::cmd
