#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "json_text.hpp"
#include "lsend/model/device.hpp"
#include "lsend/protocol/codec.hpp"

namespace lsend::protocol {

/// How much of a device a message has to name.
enum class DeviceRule {
  named,         ///< alias: `info` answers, and the sender in a prepare-upload
  discoverable,  ///< alias (not empty), fingerprint, no port 0: register and announcement
};

/// Collects the members of a device, wherever they stand (protocol.md 1.3). Members that no
/// version knows are ignored; null is "not said".
class DeviceFields {
 public:
  explicit DeviceFields(const JsonLimits& limits) : limits_(limits) {}

  Result<> take(std::string_view name, const JsonValue& value);
  Result<DeviceInfo> finish(const DeviceDefaults& defaults, DeviceRule rule) const;

 private:
  Result<> take_text(std::string_view name, std::string& text);
  Result<> take_port(const JsonValue& value);

  JsonLimits limits_;
  std::optional<std::string> alias_;
  std::optional<std::string> fingerprint_;
  std::optional<std::string> model_;
  std::optional<DeviceType> type_;
  std::optional<Version> version_;
  std::optional<std::uint16_t> port_;
  std::optional<Scheme> protocol_;
  bool download_ = false;
};

/// The messages that are one device; the versions differ only in how they write them.
Result<DeviceInfo> read_info_answer(std::string_view json, const DeviceDefaults& defaults);
Result<DeviceInfo> read_register_request(std::string_view json, const DeviceDefaults& defaults);

/// The two shapes in which a device is written. `device_type` is the version's word for it, empty
/// when there is none to say.
JsonObject short_device(const DeviceInfo& device, std::string_view device_type);
JsonObject full_device(const DeviceInfo& device, std::string_view device_type);

/// `wrong_type("port", "a number")`: "'port' is not a number".
Error wrong_type(std::string_view name, std::string_view wanted);

}  // namespace lsend::protocol
