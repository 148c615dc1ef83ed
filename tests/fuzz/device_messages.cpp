// What devices say of themselves: register, info, announcements and error bodies.
#include "check.hpp"
#include "lsend/protocol/codec.hpp"

namespace {

using namespace lsend;
using fuzz::require;

const protocol::DeviceDefaults kDefaults;

void check(const DeviceInfo& device) {
  const protocol::JsonLimits limits;
  require(device.alias.size() <= limits.max_alias, "an alias keeps its limit");
  require(device.fingerprint.str().size() <= limits.max_id, "a fingerprint keeps its limit");
  require(device.port != 0, "a device can be called");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  for (const auto* codec : {&protocol::codec_v1(), &protocol::codec_v2()}) {
    if (const auto info = codec->decode_info(text, kDefaults); info) {
      check(*info);
      require(codec->decode_info(codec->encode_info(*info), kDefaults).has_value(),
              "an info answer can be read again");
    }
    if (const auto device = codec->decode_register(text, kDefaults); device) {
      check(*device);
      const auto again = codec->decode_register(codec->encode_register(*device), kDefaults);
      require(again.has_value(), "a register request can be read again");
      require(codec->name() != "v2" || *again == *device, "v2 keeps all");
    }
  }
  if (const auto heard = protocol::decode_announcement(text, kDefaults); heard) {
    check(heard->device);
    const auto again =
        protocol::decode_announcement(protocol::encode_announcement(*heard), kDefaults);
    require(again && again->wants_answer == heard->wants_answer, "a flag keeps its meaning");
    require(again->device.fingerprint == heard->device.fingerprint, "a device keeps its name");
  }
  require(protocol::decode_error(text).size() <= 200, "an error's message is at most 200 bytes");
  return 0;
}
