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

class MessageReader : public JsonHandler {
 public:
  Result<> on_value(const JsonPath& path, JsonValue value) override {
    if (path.size() == 1 && path[0] == "message" && value.is(JsonValue::Kind::string)) {
      message = cut_utf8(*value.text, kMaxShownMessage);
    }
    return {};
  }

  std::string message;
};

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
  return encode_prepare_upload(request.info, files, request.resume);
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

std::string decode_error(std::string_view json) {
  const JsonLimits limits;
  MessageReader reader;
  if (!read_json_object(json, limits.max_depth, limits.max_string, reader)) return {};
  return reader.message;
}

}  // namespace lsend::protocol
