#include "lsend/protocol/query.hpp"

#include <algorithm>
#include <charconv>

#include "lsend/model/text.hpp"

namespace lsend::protocol {
namespace {

constexpr std::size_t kMaxTarget = 8192;
constexpr std::size_t kUsualParameters = 4;
constexpr std::size_t kMostParameters = 64;

Error bad_target(std::string_view why) {
  return fail(Errc::bad_request, "malformed request target: " + std::string{why});
}

std::optional<unsigned> hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

/// `text` is UTF-8.
Result<std::string> decode(std::string_view text) {
  // Ids and tokens are plain, nearly all of them.
  if (text.find_first_of("%+") == std::string_view::npos) return std::string{text};
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i] == '+' ? ' ' : text[i];
    if (c == '%') {
      const auto high = i + 2 < text.size() ? hex_value(text[i + 1]) : std::nullopt;
      const auto low = i + 2 < text.size() ? hex_value(text[i + 2]) : std::nullopt;
      if (!high || !low) return bad_target("a '%' is not followed by two hex digits");
      c = static_cast<char>(*high * 16 + *low);
      i += 2;
    }
    if (c == '\0') return bad_target("a parameter has a NUL in it");
    result += c;
  }
  if (!is_utf8(result)) return bad_target("a parameter is not UTF-8");
  return result;
}

Result<Query> parse_query(std::string_view text) {
  Query query;
  query.items.reserve(kUsualParameters);
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    if (item.empty()) continue;
    const auto equals = std::min(item.find('='), item.size());
    auto name = decode(item.substr(0, equals));
    if (!name) return name.error();
    auto value = decode(item.substr(std::min(equals + 1, item.size())));
    if (!value) return value.error();
    // Two values for one name: whichever is checked, another reader could use the other.
    if (query.get(*name)) return bad_target("a parameter is named twice");
    if (query.items.size() == kMostParameters) return bad_target("it has too many parameters");
    query.items.emplace_back(std::move(*name), std::move(*value));
  }
  return query;
}

}  // namespace

std::optional<std::string_view> Query::get(std::string_view name) const {
  for (const auto& [item, value] : items) {
    if (item == name) return value;
  }
  return std::nullopt;
}

Result<Target> parse_target(std::string_view target) {
  if (target.size() > kMaxTarget) {
    return fail(Errc::target_too_long,
                "the request target is longer than " + std::to_string(kMaxTarget) + " bytes");
  }
  if (!target.starts_with('/')) return bad_target("it does not begin with '/'");
  const auto is_refused = [](char c) { return (c >= '\0' && c <= ' ') || c == '\x7F'; };
  if (std::any_of(target.begin(), target.end(), is_refused)) {
    return bad_target("it has a blank or a control character in it");
  }
  if (!is_utf8(target)) return bad_target("it is not UTF-8");
  const auto mark = std::min(target.find('?'), target.size());
  auto query = parse_query(target.substr(std::min(mark + 1, target.size())));
  if (!query) return query.error();
  return Target{std::string{target.substr(0, mark)}, std::move(*query)};
}

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  const auto is_plain = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
  };
  // Ids and tokens are plain, nearly all of them.
  if (std::all_of(text.begin(), text.end(), is_plain)) return std::string{text};
  result.reserve(text.size());
  for (const char c : text) {
    if (is_plain(c)) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result += '%';
      result += digits[byte >> 4U];
      result += digits[byte & 0x0FU];
    }
  }
  return result;
}

std::string make_target(std::string_view path,
                        const std::vector<std::pair<std::string_view, std::string_view>>& query) {
  std::string result{path};
  char separator = '?';
  for (const auto& [name, value] : query) {
    result += separator;
    result += name;
    result += '=';
    result += percent_encode(value);
    separator = '&';
  }
  return result;
}

Result<UploadParams> read_upload_params(const Query& query, bool with_session) {
  const auto missing = [](std::string_view name) {
    return fail(Errc::bad_request, "the upload request has no '" + std::string{name} + "'");
  };
  UploadParams params;
  if (with_session) {
    const auto session = query.get("sessionId");
    // An empty one would be the session of a v1 sender.
    if (!session || session->empty()) return missing("sessionId");
    params.session = SessionId{std::string{*session}};
  }
  const auto file = query.get("fileId");
  if (!file) return missing("fileId");
  const auto token = query.get("token");
  if (!token) return missing("token");
  params.file = FileId{std::string{*file}};
  params.token = Token{std::string{*token}};
  if (const auto offset = with_session ? query.get("offset") : std::nullopt) {
    const char* const end = offset->data() + offset->size();
    const auto [stop, error] = std::from_chars(offset->data(), end, params.offset.emplace());
    if (error != std::errc{} || stop != end)
      return fail(Errc::bad_request, "the upload request's 'offset' is no number of bytes");
  }
  return params;
}

}  // namespace lsend::protocol
