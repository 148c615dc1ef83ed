// Peer text for a terminal: nothing in it moves the cursor, reorders or hides text.
#include <array>

#include "check.hpp"
#include "lsend/model/text.hpp"

namespace {

/// Code points, without using what is under test.
bool is_dangerous(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

/// `text` is well-formed.
char32_t take(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t code = size == 1 ? lead : lead & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    code = code * 64 + (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  text.remove_prefix(size);
  return code;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lsend;
  using fuzz::require;
  if (size == 0) return 0;
  const std::size_t max_bytes = data[0];
  const auto text = fuzz::text_of(data, size).substr(1);
  const auto shown = escape_for_terminal(text, max_bytes);
  require(shown.size() <= max_bytes, "the output keeps its limit");
  require(is_utf8(shown), "the output is UTF-8");
  for (std::string_view rest = shown; !rest.empty();) {
    require(!is_dangerous(take(rest)), "the output is harmless");
  }
  require(escape_for_terminal(shown, max_bytes) == shown, "harmless text stays as it is");
  require(is_utf8(to_utf8(text)), "mended text is UTF-8");
  require(to_utf8(text) == text || !is_utf8(text), "well-formed text stays as it is");
  const auto cut = cut_utf8(text, max_bytes);
  require(cut.size() <= max_bytes && text.starts_with(cut), "a cut is a prefix");
  require(is_utf8(cut) || !is_utf8(text), "a cut is on a character boundary");
  return 0;
}
