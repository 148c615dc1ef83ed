#pragma once

#include <string>
#include <string_view>

#include "json_text.hpp"
#include "lsend/protocol/codec.hpp"

namespace lsend::protocol {

/// What the versions have in common: their messages are the same objects, with other words for a
/// device's type, other members of a file, another shape of the reply, and other names in errors.
class JsonCodec : public Codec {
 public:
  using Codec::encode_info;
  std::string encode_info(const DeviceInfo& device, const Ability& ability) const final;
  Result<DeviceInfo> decode_info(std::string_view json, const DeviceDefaults& defaults) const final;
  std::string encode_register(const DeviceInfo& device) const final;
  Result<DeviceInfo> decode_register(std::string_view json,
                                     const DeviceDefaults& defaults) const final;
  using Codec::encode_prepare_upload;
  std::string encode_prepare_upload(const DeviceInfo& info, std::span<const FileInfo* const> files,
                                    const ResumeWish& resume, bool to_lsend) const final;
  std::string_view request_name() const final { return request_; }
  Result<PrepareUploadReply> decode_prepare_reply(std::string_view json,
                                                  const JsonLimits& limits) const final;

 protected:
  /// The names of the version's prepare request and its answer, for errors.
  JsonCodec(std::string_view request, std::string_view answer)
      : request_(request), answer_(answer) {}

 private:
  /// The version's word for a device's type, empty when there is none to say.
  virtual std::string_view type_word(const DeviceInfo& device) const = 0;
  /// Whether the version's messages have lsend's own member.
  virtual bool is_extended() const = 0;
  /// Adds the members of a file; `to_lsend`: also what only another lsend understands.
  virtual void describe(JsonObject& out, const FileInfo& file, bool to_lsend) const = 0;
  virtual Result<PrepareUploadReply> read_reply(std::string_view json,
                                                const JsonLimits& limits) const = 0;

  std::string_view request_;
  std::string_view answer_;
};

}  // namespace lsend::protocol
