#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lsend {

/// Peer text for terminals, logs and messages: control characters (C0, DEL, C1), bidi overrides and
/// isolates, zero-width and line-separator characters, and bytes that are no UTF-8 become "\xNN" or
/// "\u{NNNN}"; a backslash stays. Cut to `max_bytes` of output on a character boundary with "...".
std::string escape_for_terminal(std::string_view text, std::size_t max_bytes = 256);

/// Is this whole text well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates)?
bool is_utf8(std::string_view text);
/// Bytes that are no UTF-8 become U+FFFD.
std::string to_utf8(std::string_view bytes);
/// The longest prefix of at most `max_bytes` that ends on a character boundary.
std::string_view cut_utf8(std::string_view text, std::size_t max_bytes);

/// 1234567 -> "1.23 MB": decimal, three digits (cli.md: 1 GB = 1000 MB).
std::string format_size(std::uint64_t bytes);

}  // namespace lsend
