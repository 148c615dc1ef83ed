#include <utility>

#include "device_json.hpp"
#include "json_text.hpp"
#include "lsend/protocol/codec.hpp"
#include "v1.hpp"

namespace lsend::protocol {
namespace {

using Kind = JsonValue::Kind;
constexpr std::string_view kFlag = "announce";

class AnnouncementReader : public JsonHandler {
 public:
  Result<> on_value(const JsonPath& path, JsonValue value) override {
    if (path.size() != 1) return {};
    if (path[0] != kFlag && path[0] != v1_announcement_flag()) return fields.take(path[0], value);
    if (value.is(Kind::null)) return {};
    if (!value.is(Kind::boolean)) return wrong_type(path[0], "a boolean");
    says_yes_ = says_yes_ || value.boolean;
    says_no_ = says_no_ || !value.boolean;
    return {};
  }

  /// 1.18 sees an announcement in every datagram; older apps want one of the flags to be true.
  bool wants_answer() const { return says_yes_ || !says_no_; }

  DeviceFields fields{JsonLimits{}};

 private:
  bool says_yes_ = false;
  bool says_no_ = false;
};

}  // namespace

std::string encode_announcement(const Announcement& announcement) {
  return full_device(announcement.device, v1_device_type(announcement.device.device_type))
      .flag(kFlag, announcement.wants_answer)
      .flag(v1_announcement_flag(), announcement.wants_answer)
      .str();
}

Result<Announcement> decode_announcement(std::string_view json, const DeviceDefaults& defaults) {
  const JsonLimits limits;
  AnnouncementReader reader;
  const auto read = read_json_object(json, limits.max_depth, limits.max_string, reader);
  if (!read) return malformed("announcement", read.error());
  auto device = reader.fields.finish(defaults, DeviceRule::discoverable);
  if (!device) return malformed("announcement", device.error());
  return Announcement{std::move(*device), reader.wants_answer()};
}

}  // namespace lsend::protocol
