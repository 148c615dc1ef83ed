#include "json_codec.hpp"

#include "device_json.hpp"
#include "prepare_sax.hpp"

namespace lsend::protocol {

std::string JsonCodec::encode_info(const DeviceInfo& device) const {
  return short_device(device, type_word(device)).str();
}

Result<DeviceInfo> JsonCodec::decode_info(std::string_view json,
                                          const DeviceDefaults& defaults) const {
  return read_info_answer(json, defaults);
}

std::string JsonCodec::encode_register(const DeviceInfo& device) const {
  return full_device(device, type_word(device)).str();
}

Result<DeviceInfo> JsonCodec::decode_register(std::string_view json,
                                              const DeviceDefaults& defaults) const {
  return read_register_request(json, defaults);
}

std::string JsonCodec::encode_prepare_upload(const DeviceInfo& info,
                                             std::span<const FileInfo> files) const {
  JsonObject out;
  out.object("info", full_device(info, type_word(info))).begin("files");
  for (const FileInfo& file : files) out.object(file.id.str(), describe(file));
  return out.end().take();
}

Result<PrepareUpload> JsonCodec::decode_prepare_upload(std::string_view json,
                                                       const DeviceDefaults& defaults,
                                                       const JsonLimits& limits) const {
  auto request = read_prepare_upload(json, defaults, limits);
  if (!request) return malformed(request_, request.error());
  return request;
}

Result<PrepareUploadReply> JsonCodec::decode_prepare_reply(std::string_view json,
                                                           const JsonLimits& limits) const {
  auto reply = read_reply(json, limits);
  if (!reply) return malformed(answer_, reply.error(), Errc::protocol);
  return reply;
}

}  // namespace lsend::protocol
