#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lsend/model/messages.hpp"
#include "lsend/model/result.hpp"

namespace lsend::protocol {

/// What a message that names no port or protocol means: up to 1.17 the reader's own settings are
/// assumed (protocol.md 1.3).
struct DeviceDefaults {
  std::uint16_t port = kDefaultPort;
  Scheme protocol = Scheme::https;
};

/// Limits of reliability.md 4.1; over one of the counts is Errc::limit, over a depth or a string
/// length Errc::bad_request.
struct JsonLimits {
  std::size_t max_files = 100'000;
  std::size_t max_depth = 32;
  std::size_t max_string = 65'536;
  std::size_t max_alias = 256;
  std::size_t max_file_name = 4096;
  std::size_t max_id = 512;
  std::size_t max_token = 256;
  std::size_t max_message = 16'777'216;  ///< `preview` of a message
};

/// What a device says of itself in lsend's own member (reliability.md 7.5).
struct Ability {
  bool hashes = false;  ///< all that comes, and answers with the digest: it needs none announced
  std::string trouble{};  ///< why it stores nothing; told to this device itself only
};

/// A wire version: version-neutral messages in, text out, and back. Stateless. Decoders ignore
/// unknown fields, refuse missing or mistyped ones with Errc::bad_request, and never throw.
class Codec {
 public:
  virtual ~Codec() = default;

  /// "v1" or "v2": the folder of the routes.
  virtual std::string_view name() const = 0;

  /// The answer to `info` and to `register`. Always names `version` (protocol.md trap 1).
  virtual std::string encode_info(const DeviceInfo& device, const Ability& ability) const = 0;
  std::string encode_info(const DeviceInfo& device) const { return encode_info(device, {}); }
  virtual Result<DeviceInfo> decode_info(std::string_view json,
                                         const DeviceDefaults& defaults) const = 0;

  virtual std::string encode_register(const DeviceInfo& device) const = 0;
  virtual Result<DeviceInfo> decode_register(std::string_view json,
                                             const DeviceDefaults& defaults) const = 0;

  /// `files`: where they are, none null; a hundred thousand need not be copied. `to_lsend`: the
  /// peer is another lsend, which understands all members of FileInfo.
  virtual std::string encode_prepare_upload(const DeviceInfo& info,
                                            std::span<const FileInfo* const> files,
                                            const ResumeWish& resume, bool to_lsend) const = 0;
  std::string encode_prepare_upload(const PrepareUpload& request) const;
  /// The name of the version's prepare-upload request, for errors (PrepareDecoder).
  virtual std::string_view request_name() const = 0;
  /// A PrepareDecoder fed at once. Refuses an empty `files`. `preview` is kept only for a message.
  Result<PrepareUpload> decode_prepare_upload(std::string_view json, const DeviceDefaults& defaults,
                                              const JsonLimits& limits) const;

  virtual std::string encode_prepare_reply(const PrepareUploadReply& reply) const = 0;
  virtual Result<PrepareUploadReply> decode_prepare_reply(std::string_view json,
                                                          const JsonLimits& limits) const = 0;
};

const Codec& codec_v1();
const Codec& codec_v2();
/// The codec that a peer of this version understands.
const Codec& codec_for(const Version& version);

/// What an answer to `info` or `register` says in the member "lsend"; nothing when it does not come
/// from another lsend.
std::optional<Ability> ability_of(std::string_view json);

/// The datagram that all eras read: both `announce` and `announcement`, deviceType one of
/// mobile, desktop, web (protocol.md 2.2, traps 2-4).
std::string encode_announcement(const Announcement& announcement);
Result<Announcement> decode_announcement(std::string_view json, const DeviceDefaults& defaults);

/// The `text` of `{"text": "..."}`, at most `max_message` bytes.
Result<std::string> decode_clipboard(std::string_view json, const JsonLimits& limits);

/// `{"message": "..."}`.
std::string encode_error(std::string_view message);
/// The words of a refusal's body, whoever wrote it: the `message`, `error`, `detail` ... of a JSON
/// object, nested ones too, else the text itself, in one line. Empty when there are none, and for
/// HTML and what is no text; at most 200 bytes, not yet escaped.
std::string decode_error(std::string_view body, std::string_view content_type = {});

}  // namespace lsend::protocol
