#include "device_json.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "extension.hpp"
#include "lsend/model/text.hpp"

namespace lsend::protocol {
namespace {

using Kind = JsonValue::Kind;

Error missing(std::string_view name) {
  return fail(Errc::bad_request, "'" + std::string{name} + "' is missing");
}

Error too_long(std::string_view name, std::size_t limit) {
  return fail(Errc::bad_request,
              "'" + std::string{name} + "' is longer than " + std::to_string(limit) + " bytes");
}

bool is_text_field(std::string_view name) {
  static constexpr std::array<std::string_view, 6> names{"alias",      "version",     "deviceModel",
                                                         "deviceType", "fingerprint", "protocol"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

class DeviceReader : public JsonHandler {
 public:
  Result<> on_value(const JsonPath& path, JsonValue value) override {
    return path.size() == 1 ? fields.take(path[0], value) : Result<>{};
  }

  DeviceFields fields{JsonLimits{}};
};

struct AbilityReader : JsonHandler {
  Result<> on_value(const JsonPath& path, JsonValue value) override {
    if (path.size() == 2 && path[0] == kExtension) fields.take(path[1], value);
    return {};
  }

  AbilityFields fields;
};

Result<DeviceInfo> read_device(std::string_view json, const DeviceDefaults& defaults,
                               DeviceRule rule) {
  const JsonLimits limits;
  DeviceReader reader;
  const auto read = read_json_object(json, limits.max_depth, limits.max_string, reader);
  if (!read) return read.error();
  return reader.fields.finish(defaults, rule);
}

}  // namespace

Error wrong_type(std::string_view name, std::string_view wanted) {
  return fail(Errc::bad_request, "'" + std::string{name} + "' is not " + std::string{wanted});
}

Result<> DeviceFields::take(std::string_view name, const JsonValue& value) {
  if (is_text_field(name)) {
    if (value.is(Kind::null)) return {};
    if (!value.is(Kind::string)) return wrong_type(name, "a text");
    return take_text(name, *value.text);
  }
  if (name == "port") return take_port(value);
  if (name == "download") {
    if (!value.is(Kind::boolean) && !value.is(Kind::null)) return wrong_type(name, "a boolean");
    download_ = value.boolean;
  }
  return {};
}

Result<> DeviceFields::take_text(std::string_view name, std::string& text) {
  if (name == "alias") {
    if (text.size() > limits_.max_alias) return too_long(name, limits_.max_alias);
    alias_ = std::move(text);
  } else if (name == "fingerprint") {
    if (text.size() > limits_.max_id) return too_long(name, limits_.max_id);
    fingerprint_ = std::move(text);
  } else if (name == "deviceModel") {
    model_ = cut_utf8(text, limits_.max_alias);
  } else if (name == "deviceType") {
    type_ = parse_device_type(text);
  } else if (name == "version") {
    // Devices up to 1.8 name none, so a text that is no version comes from a later one.
    version_ = Version::parse(text).value_or(Version{2, 0});
  } else {
    protocol_ = parse_scheme(text);
    if (!protocol_) return wrong_type(name, "'http' or 'https'");
  }
  return {};
}

Result<> DeviceFields::take_port(const JsonValue& value) {
  if (value.is(Kind::null)) return {};
  if (!value.is(Kind::unsigned_integer) ||
      value.number > std::numeric_limits<std::uint16_t>::max()) {
    return wrong_type("port", "a number from 1 to 65535");
  }
  port_ = static_cast<std::uint16_t>(value.number);
  return {};
}

Result<DeviceInfo> DeviceFields::finish(const DeviceDefaults& defaults, DeviceRule rule) const {
  if (!alias_) return missing("alias");
  if (rule == DeviceRule::discoverable) {
    if (alias_->empty()) return fail(Errc::bad_request, "'alias' is empty");
    if (!fingerprint_) return missing("fingerprint");
    if (port_ == 0) return wrong_type("port", "a number from 1 to 65535");
  }
  DeviceInfo device;
  device.alias = *alias_;
  device.version = version_.value_or(Version{1, 0});
  device.device_model = model_;
  device.device_type = type_;
  device.fingerprint = Fingerprint{fingerprint_.value_or("")};
  // A sender without a server of its own says 0; it is never called back.
  device.port = port_.value_or(0) != 0 ? *port_ : defaults.port;
  device.protocol = protocol_.value_or(defaults.protocol);
  device.download = download_;
  return device;
}

Result<DeviceInfo> read_info_answer(std::string_view json, const DeviceDefaults& defaults) {
  auto device = read_device(json, defaults, DeviceRule::named);
  if (!device) return malformed("info answer", device.error(), Errc::protocol);
  return device;
}

Result<DeviceInfo> read_register_request(std::string_view json, const DeviceDefaults& defaults) {
  auto device = read_device(json, defaults, DeviceRule::discoverable);
  if (!device) return malformed("register request", device.error());
  return device;
}

std::optional<Ability> ability_of(std::string_view json) {
  const JsonLimits limits;
  AbilityReader reader;
  const auto read = read_json_object(json, limits.max_depth, limits.max_string, reader);
  return read ? reader.fields.finish() : std::nullopt;
}

JsonObject short_device(const DeviceInfo& device, std::string_view device_type) {
  JsonObject out;
  out.text("alias", device.alias).text("version", device.version.to_string());
  if (device.device_model) out.text("deviceModel", *device.device_model);
  if (!device_type.empty()) out.text("deviceType", device_type);
  out.text("fingerprint", device.fingerprint.str()).flag("download", device.download);
  return out;
}

JsonObject full_device(const DeviceInfo& device, std::string_view device_type) {
  JsonObject out = short_device(device, device_type);
  out.number("port", device.port).text("protocol", to_string(device.protocol));
  return out;
}

}  // namespace lsend::protocol
