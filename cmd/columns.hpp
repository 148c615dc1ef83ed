#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lsend::cmd {

/// Texts here are already escaped: well-formed UTF-8 without control characters.

/// Columns on a terminal. Scripts and emoji that are drawn wide count double.
std::size_t display_width(std::string_view text);
/// Spaces on the right up to `columns`; a longer text stays whole.
std::string pad_right(std::string text, std::size_t columns);
/// Beginning and end with "…" between them where it is longer than `columns`.
std::string shorten_columns(std::string_view text, std::size_t columns);
/// The beginning that fits into `columns`.
std::string cut_columns(std::string_view text, std::size_t columns);

}  // namespace lsend::cmd
