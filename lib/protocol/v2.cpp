#include "v2.hpp"

#include <array>

#include "extension.hpp"
#include "json_codec.hpp"
#include "reply_sax.hpp"

namespace lsend::protocol {
namespace {

void add_file(JsonObject& out, const FileInfo& file) {
  out.text("id", file.id.str())
      .text("fileName", file.file_name)
      .number("size", file.size)
      .text("fileType", file.file_type);
  if (file.sha256) out.text("sha256", *file.sha256);
  if (file.preview) out.text("preview", *file.preview);
  if (file.modified || file.accessed) {
    out.begin("metadata");
    if (file.modified) out.text("modified", format_rfc3339(*file.modified));
    if (file.accessed) out.text("accessed", format_rfc3339(*file.accessed));
    out.end();
  }
}

/// What is not said is left out, never null: apps of all versions read both (protocol.md 1.3).
class CodecV2 final : public JsonCodec {
 public:
  CodecV2() : JsonCodec("prepare-upload request", "prepare-upload answer") {}
  std::string_view name() const override { return "v2"; }

  std::string encode_prepare_reply(const PrepareUploadReply& reply) const override {
    JsonObject out;
    out.text("sessionId", reply.session.str()).begin("files");
    add_tokens(out, reply);
    out.end();
    if (reply.resumes || !reply.present.empty()) add_extension(out, reply);
    return out.take();
  }

 private:
  std::string_view type_word(const DeviceInfo& device) const override {
    return device.device_type ? to_string(*device.device_type) : std::string_view{};
  }
  bool is_extended() const override { return true; }
  void describe(JsonObject& out, const FileInfo& file, bool to_lsend) const override {
    add_file(out, file);
    if (to_lsend) add_details(out, file);
  }
  Result<PrepareUploadReply> read_reply(std::string_view json,
                                        const JsonLimits& limits) const override {
    return read_session_reply(json, limits);
  }
};

}  // namespace

const Codec& codec_v2() {
  static const CodecV2 codec;
  return codec;
}

std::span<const Route> v2_routes() {
  static const std::array<Route, 5> routes{{
      {Action::info, Method::get, "/api/localsend/v2/info", &codec_v2()},
      {Action::register_device, Method::post, "/api/localsend/v2/register", &codec_v2()},
      {Action::prepare_upload, Method::post, "/api/localsend/v2/prepare-upload", &codec_v2()},
      {Action::upload, Method::post, "/api/localsend/v2/upload", &codec_v2()},
      {Action::cancel, Method::post, "/api/localsend/v2/cancel", &codec_v2()},
  }};
  return routes;
}

}  // namespace lsend::protocol
