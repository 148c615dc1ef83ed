#include "v2.hpp"

#include <array>

#include "device_json.hpp"
#include "json_text.hpp"
#include "lsend/protocol/codec.hpp"
#include "prepare_sax.hpp"
#include "reply_sax.hpp"

namespace lsend::protocol {
namespace {

std::string_view device_type(const DeviceInfo& device) {
  return device.device_type ? to_string(*device.device_type) : std::string_view{};
}

JsonObject file_json(const FileInfo& file) {
  JsonObject out;
  out.text("id", file.id.str())
      .text("fileName", file.file_name)
      .number("size", file.size)
      .text("fileType", file.file_type);
  if (file.sha256) out.text("sha256", *file.sha256);
  if (file.preview) out.text("preview", *file.preview);
  if (file.modified || file.accessed) {
    JsonObject metadata;
    if (file.modified) metadata.text("modified", format_rfc3339(*file.modified));
    if (file.accessed) metadata.text("accessed", format_rfc3339(*file.accessed));
    out.object("metadata", metadata);
  }
  return out;
}

/// What is not said is left out, never null: apps of all versions read both (protocol.md 1.3).
class CodecV2 : public Codec {
 public:
  std::string_view name() const override { return "v2"; }

  std::string encode_info(const DeviceInfo& device) const override {
    return short_device(device, device_type(device)).str();
  }

  Result<DeviceInfo> decode_info(std::string_view json,
                                 const DeviceDefaults& defaults) const override {
    return read_info_answer(json, defaults);
  }

  std::string encode_register(const DeviceInfo& device) const override {
    return full_device(device, device_type(device)).str();
  }

  Result<DeviceInfo> decode_register(std::string_view json,
                                     const DeviceDefaults& defaults) const override {
    return read_register_request(json, defaults);
  }

  std::string encode_prepare_upload(const PrepareUpload& request) const override {
    JsonObject files;
    for (const FileInfo& file : request.files) files.object(file.id.str(), file_json(file));
    return JsonObject{}
        .object("info", full_device(request.info, device_type(request.info)))
        .object("files", files)
        .str();
  }

  Result<PrepareUpload> decode_prepare_upload(std::string_view json, const DeviceDefaults& defaults,
                                              const JsonLimits& limits) const override {
    auto request = read_prepare_upload(json, defaults, limits);
    if (!request) return malformed("prepare-upload request", request.error());
    return request;
  }

  std::string encode_prepare_reply(const PrepareUploadReply& reply) const override {
    return JsonObject{}
        .text("sessionId", reply.session.str())
        .object("files", token_map(reply))
        .str();
  }

  Result<PrepareUploadReply> decode_prepare_reply(std::string_view json,
                                                  const JsonLimits& limits) const override {
    auto reply = read_session_reply(json, limits);
    if (!reply) return malformed("prepare-upload answer", reply.error(), Errc::protocol);
    return reply;
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
