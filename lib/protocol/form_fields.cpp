#include "form_fields.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "lsend/model/text.hpp"

namespace lsend::protocol {
namespace {

constexpr std::size_t kMaxBoundary = 70;
constexpr std::string_view kBlanks = " \t";

Error bad_form(std::string_view why) {
  return fail(Errc::bad_request, "malformed form: " + std::string(why));
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(text.begin(), text.end(), result.begin(), [](char c) { return lower(c); });
  return result;
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool has_controls(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return (c >= '\0' && c < ' ' && c != '\t') || c == '\x7F'; });
}

/// A field value of the form `word; name=value; name="value"`.
struct Value {
  std::string word;  ///< lower-case
  std::vector<std::pair<std::string, std::string>> parameters;

  const std::string* get(std::string_view name) const {
    for (const auto& [known, value] : parameters)
      if (known == name) return &value;
    return nullptr;
  }
};

/// Takes a quoted string off the front. Browsers write a backslash of a name as it is, so that only
/// \" and \\ are escapes.
Result<std::string> take_quoted(std::string_view& text) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    const bool escape =
        text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\');
    if (escape) ++i;
    value += text[i];
  }
  return bad_form("a quoted text does not end");
}

Result<std::string> take_value(std::string_view& text) {
  if (text.starts_with('"')) return take_quoted(text);
  std::string value(trim(text.substr(0, text.find(';'))));
  text.remove_prefix(std::min(text.size(), text.find(';')));
  if (value.empty() || value.find_first_of("\" \t") != std::string::npos)
    return bad_form("a parameter has no proper value");
  return value;
}

Result<Value> read_value(std::string_view text) {
  Value value;
  value.word = lower(trim(text.substr(0, text.find(';'))));
  text.remove_prefix(std::min(text.size(), text.find(';')));
  while (!(text = trim(text)).empty()) {
    if (text.front() != ';') return bad_form("a parameter is followed by something else");
    text.remove_prefix(1);
    text = trim(text);
    if (text.empty() || text.front() == ';') continue;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return bad_form("a parameter has no value");
    auto name = lower(trim(text.substr(0, equals)));
    text = trim(text.substr(equals + 1));
    auto read = take_value(text);
    if (!read) return read.error();
    // Whichever of two is taken, another reader could take the other.
    if (value.get(name)) return bad_form("a parameter is named twice");
    value.parameters.emplace_back(std::move(name), std::move(*read));
  }
  return value;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = lower(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

/// RFC 8187: charset'language'text with %XX. Only UTF-8 is in use.
Result<std::string> read_extended(std::string_view text) {
  const auto first = text.find('\'');
  const auto second = first == std::string_view::npos ? first : text.find('\'', first + 1);
  if (second == std::string_view::npos || lower(text.substr(0, first)) != "utf-8")
    return bad_form("a name in 'filename*' is not in UTF-8");
  std::string name;
  for (std::size_t i = second + 1; i < text.size(); ++i) {
    if (text[i] != '%') {
      name += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return bad_form("a '%' is not followed by two hex digits");
    name += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (!is_utf8(name)) return bad_form("a name in 'filename*' is not in UTF-8");
  return name;
}

Result<std::optional<std::string>> read_disposition(std::string_view text) {
  const auto value = read_value(text);
  if (!value) return value.error();
  if (value->word != "form-data") return bad_form("the disposition of a part is not form-data");
  if (const auto* name = value->get("filename*")) {
    auto read = read_extended(*name);
    if (!read) return read.error();
    return std::optional<std::string>(std::move(*read));
  }
  const auto* name = value->get("filename");
  return name ? std::optional<std::string>(*name) : std::nullopt;
}

/// What is coded would be stored coded: nobody may take it for the file.
bool is_plain(std::string_view transfer_encoding) {
  const auto word = lower(transfer_encoding);
  return word == "binary" || word == "8bit" || word == "7bit";
}

}  // namespace

Result<std::string> read_boundary(std::string_view content_type) {
  const auto value = read_value(content_type);
  if (!value) return value.error();
  if (value->word != "multipart/form-data")
    return bad_form("its Content-Type is '" + escape_for_terminal(value->word, 64) +
                    "' and not multipart/form-data");
  const auto* boundary = value->get("boundary");
  const auto is_allowed = [](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
  };
  if (!boundary || boundary->empty() || boundary->size() > kMaxBoundary ||
      boundary->back() == ' ' || !std::all_of(boundary->begin(), boundary->end(), is_allowed))
    return bad_form("its Content-Type has no proper boundary");
  return *boundary;
}

Result<std::optional<std::string>> read_part_head(std::string_view head, std::size_t max_fields) {
  std::optional<std::string_view> disposition;
  for (std::size_t count = 1; !head.empty(); ++count) {
    const auto line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    if (count > max_fields) return bad_form("a part has too many header fields");
    const auto colon = line.find(':');
    const auto name = lower(line.substr(0, colon));
    if (colon == std::string_view::npos || name.empty() ||
        name.find_first_of(kBlanks) != std::string::npos || has_controls(line))
      return bad_form("a header line of a part is malformed");
    const auto value = trim(line.substr(colon + 1));
    if (name == "content-transfer-encoding" && !is_plain(value))
      return bad_form("a part has a transfer encoding: send it as binary");
    if (name != "content-disposition") continue;
    if (disposition) return bad_form("a part has two dispositions");
    disposition = value;
  }
  if (!disposition) return bad_form("a part has no Content-Disposition");
  return read_disposition(*disposition);
}

}  // namespace lsend::protocol
