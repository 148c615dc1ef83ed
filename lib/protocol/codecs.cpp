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

}  // namespace

const Codec& codec_for(const Version& version) { return version.is_v1() ? codec_v1() : codec_v2(); }

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
