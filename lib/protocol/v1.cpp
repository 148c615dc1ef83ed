#include "v1.hpp"

#include <array>
#include <utility>

#include "json_codec.hpp"
#include "reply_sax.hpp"

namespace lsend::protocol {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kFileTypes{{
    {"image", "image/*"},
    {"video", "video/*"},
    {"pdf", "application/pdf"},
    {"text", "text/plain"},
    {"apk", "application/vnd.android.package-archive"},
    {"other", "application/octet-stream"},
}};

/// Without "apk": the first v1 apps do not know it, and "other" is stored just the same.
std::string_view word_of_mime(std::string_view mime) {
  if (mime.starts_with("image/")) return "image";
  if (mime.starts_with("video/")) return "video";
  if (mime.starts_with("text/")) return "text";
  return mime == "application/pdf" ? "pdf" : "other";
}

void add_file(JsonObject& out, const FileInfo& file) {
  out.text("id", file.id.str())
      .text("fileName", file.file_name)
      .number("size", file.size)
      .text("fileType", word_of_mime(file.file_type));
  if (file.preview) out.text("preview", *file.preview);
}

/// Peers of v1 ignore what they do not know, and apps from 1.9 to 1.17, which ask with v1's routes
/// as well, need `version` and `fingerprint` (protocol.md trap 1).
class CodecV1 final : public JsonCodec {
 public:
  CodecV1() : JsonCodec("send-request", "send-request answer") {}
  std::string_view name() const override { return "v1"; }

  std::string encode_prepare_reply(const PrepareUploadReply& reply) const override {
    JsonObject out;
    add_tokens(out, reply);
    return out.take();
  }

 private:
  std::string_view type_word(const DeviceInfo& device) const override {
    return v1_device_type(device.device_type);
  }
  bool is_extended() const override { return false; }
  void describe(JsonObject& out, const FileInfo& file, bool) const override {
    add_file(out, file);
  }
  Result<PrepareUploadReply> read_reply(std::string_view json,
                                        const JsonLimits& limits) const override {
    return read_token_map(json, limits);
  }
};

}  // namespace

const Codec& codec_v1() {
  static const CodecV1 codec;
  return codec;
}

std::span<const Route> v1_routes() {
  static const std::array<Route, 5> routes{{
      {Action::info, Method::get, "/api/localsend/v1/info", &codec_v1()},
      {Action::register_device, Method::post, "/api/localsend/v1/register", &codec_v1()},
      {Action::prepare_upload, Method::post, "/api/localsend/v1/send-request", &codec_v1()},
      {Action::upload, Method::post, "/api/localsend/v1/send", &codec_v1()},
      {Action::cancel, Method::post, "/api/localsend/v1/cancel", &codec_v1()},
  }};
  return routes;
}

std::string_view v1_device_type(std::optional<DeviceType> type) {
  return type == DeviceType::mobile || type == DeviceType::web ? to_string(*type)
                                                               : to_string(DeviceType::desktop);
}

std::string_view v1_mime_of_word(std::string_view word) {
  for (const auto& [name, mime] : kFileTypes) {
    if (word == name) return mime;
  }
  return {};
}

std::string_view v1_announcement_flag() { return "announcement"; }

}  // namespace lsend::protocol
