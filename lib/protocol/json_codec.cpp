#include "json_codec.hpp"

#include "device_json.hpp"
#include "extension.hpp"

namespace lsend::protocol {

namespace {

/// Bytes that a file takes in an offer, with a little more than its usual members need.
std::size_t likely_size(const FileInfo& file) {
  constexpr std::size_t kMembers = 96, kDigest = 80, kTime = 64, kDetails = 64;
  return kMembers + 2 * file.id.str().size() + file.file_name.size() + file.file_type.size() +
         (file.sha256 ? kDigest : 0) + (file.preview ? file.preview->size() : 0) +
         (file.modified ? kTime : 0) + (file.accessed ? kTime : 0) +
         (file.executable || file.allocated ? kDetails : 0);
}

}  // namespace

std::string JsonCodec::encode_info(const DeviceInfo& device, const Ability& ability) const {
  auto out = short_device(device, type_word(device));
  if (is_extended()) add_ability(out, ability);
  return out.take();
}

Result<DeviceInfo> JsonCodec::decode_info(std::string_view json,
                                          const DeviceDefaults& defaults) const {
  return read_info_answer(json, defaults);
}

std::string JsonCodec::encode_register(const DeviceInfo& device) const {
  auto out = full_device(device, type_word(device));
  if (is_extended()) add_ability(out, Ability{});
  return out.take();
}

Result<DeviceInfo> JsonCodec::decode_register(std::string_view json,
                                              const DeviceDefaults& defaults) const {
  return read_register_request(json, defaults);
}

std::string JsonCodec::encode_prepare_upload(const DeviceInfo& info,
                                             std::span<const FileInfo* const> files,
                                             const ResumeWish& resume, bool to_lsend) const {
  JsonObject out;
  auto sender = full_device(info, type_word(info));
  if (is_extended() && resume.wanted) add_wish(sender, resume);
  out.object("info", sender).begin("files");
  std::size_t size = 1024;
  for (const FileInfo* file : files) size += likely_size(*file);
  out.reserve(size);
  for (const FileInfo* file : files) {
    out.begin(file->id.str());
    describe(out, *file, to_lsend);
    out.end();
  }
  return out.end().take();
}

Result<PrepareUploadReply> JsonCodec::decode_prepare_reply(std::string_view json,
                                                           const JsonLimits& limits) const {
  auto reply = read_reply(json, limits);
  if (!reply) return malformed(answer_, reply.error(), Errc::protocol);
  return reply;
}

}  // namespace lsend::protocol
