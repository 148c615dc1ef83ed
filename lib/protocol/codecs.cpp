#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "device_json.hpp"
#include "json_text.hpp"
#include "lsend/model/text.hpp"
#include "lsend/protocol/codec.hpp"

namespace lsend::protocol {
namespace {

constexpr std::size_t kMaxShownMessage = 200;

/// Where programs put the words of a refusal, the likeliest first.
constexpr std::array<std::string_view, 10> kWordsMembers{
    "message", "error", "detail", "details", "reason", "description", "error_description",
    "msg",     "title", "errors"};

/// Finds the words in an object: the outermost member wins, then the likeliest.
class MessageReader : public JsonHandler {
 public:
  Result<> on_value(const JsonPath& path, JsonValue value) override {
    const auto name = std::find(kWordsMembers.begin(), kWordsMembers.end(), path.back());
    if (name == kWordsMembers.end()) return {};
    if (value.is(JsonValue::Kind::array)) has_list = true;
    const auto place = static_cast<std::size_t>(name - kWordsMembers.begin());
    const auto rank = path.size() * kWordsMembers.size() + place;
    if (!value.is(JsonValue::Kind::string) || value.text->empty() || rank >= rank_) return {};
    rank_ = rank;
    message = std::move(*value.text);
    return {};
  }

  std::string message;
  bool has_list = false;  ///< they may be in a list, which is not looked into

 private:
  std::size_t rank_ = static_cast<std::size_t>(-1);
};

bool contains_without_case(std::string_view text, std::string_view lower) {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  };
  return std::search(text.begin(), text.end(), lower.begin(), lower.end(), same) != text.end();
}

/// In one line.
std::string without_line_ends(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (space && (line.empty() || line.back() == ' ')) continue;
    line += space ? ' ' : c;
  }
  if (line.ends_with(' ')) line.pop_back();
  return line;
}

/// Pages for browsers, and what is no text, say nothing to a terminal.
bool is_words(std::string_view line, std::string_view content_type) {
  const bool markup = line.starts_with('<') || contains_without_case(content_type, "html") ||
                      contains_without_case(content_type, "xml");
  return !markup && line.find('\0') == std::string_view::npos && is_utf8(line);
}

class ClipboardReader : public JsonHandler {
 public:
  explicit ClipboardReader(std::size_t max_text) : max_text_(max_text) {}

  Result<> on_value(const JsonPath& path, JsonValue value) override {
    if (!is_text(path)) return {};
    if (!value.is(JsonValue::Kind::string)) return wrong_type("text", "a text");
    text = std::move(*value.text);
    return {};
  }
  std::size_t string_limit(const JsonPath& path, std::size_t usual) const override {
    return is_text(path) ? max_text_ : usual;
  }

  std::optional<std::string> text;

 private:
  static bool is_text(const JsonPath& path) { return path.size() == 1 && path[0] == "text"; }

  std::size_t max_text_;
};

}  // namespace

std::string Codec::encode_prepare_upload(const PrepareUpload& request) const {
  std::vector<const FileInfo*> files;
  for (const auto& file : request.files) files.push_back(&file);
  return encode_prepare_upload(request.info, files, request.resume, true);
}

const Codec& codec_for(const Version& version) { return version.is_v1() ? codec_v1() : codec_v2(); }

Result<std::string> decode_clipboard(std::string_view json, const JsonLimits& limits) {
  ClipboardReader reader{limits.max_message};
  const auto read = read_json_object(json, limits.max_depth, limits.max_string, reader);
  if (!read) return malformed("clipboard request", read.error());
  if (!reader.text)
    return malformed("clipboard request", fail(Errc::bad_request, "'text' is missing"));
  return std::move(*reader.text);
}

std::string encode_error(std::string_view message) {
  return JsonObject{}.text("message", message).str();
}

std::string decode_error(std::string_view body, std::string_view content_type) {
  const JsonLimits limits;
  const auto line = without_line_ends(body);
  // A text alone is JSON too.
  const bool alone = line.starts_with('"');
  MessageReader reader;
  const bool json = read_json_object(alone ? "{\"message\":" + line + "}" : line, limits.max_depth,
                                     limits.max_string, reader)
                        .has_value();
  std::string words;
  if (json && !reader.message.empty())
    words = without_line_ends(reader.message);
  else if (!json || reader.has_list)
    words = line;
  const bool empty_list = words == "[]" || words == "null";
  if (empty_list || !is_words(words, json ? std::string_view() : content_type)) return {};
  return std::string(cut_utf8(words, kMaxShownMessage));
}

}  // namespace lsend::protocol
