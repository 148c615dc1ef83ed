#include <nlohmann/json.hpp>
#include <unordered_set>

#include "lsend/identity/known_devices.hpp"
#include "lsend/model/text.hpp"

namespace lsend::identity {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;

Error damaged(std::string clause) { return fail(Errc::identity, std::move(clause)); }

std::string text_in(const Json& json, const char* key) {
  const auto member = json.find(key);
  return member != json.end() && member->is_string() ? member->get<std::string>() : std::string();
}

std::optional<TrustState> parse_state(std::string_view word) {
  for (const auto state : {TrustState::seen, TrustState::trusted, TrustState::blocked})
    if (word == to_string(state)) return state;
  return std::nullopt;
}

/// An address that cannot be understood is one place less to look; the rest of the record counts.
std::vector<Endpoint> parse_endpoints(const Json& json) {
  std::vector<Endpoint> endpoints;
  const auto list = json.find("addresses");
  if (list == json.end() || !list->is_array()) return endpoints;
  for (const auto& item : *list) {
    if (!item.is_object() || endpoints.size() == KnownDevices::kMostEndpoints) continue;
    const auto port = item.find("port");
    Endpoint endpoint;
    endpoint.host = text_in(item, "host");
    const bool usable = !endpoint.host.empty() && port != item.end() &&
                        port->is_number_unsigned() && port->get<std::uint64_t>() >= 1 &&
                        port->get<std::uint64_t>() <= 65535;
    if (!usable) continue;
    endpoint.port = port->get<std::uint16_t>();
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

Result<KnownDevice> parse_device(const Json& json) {
  if (!json.is_object()) return damaged("a device in it is no object");
  KnownDevice device;
  device.fingerprint = Fingerprint(text_in(json, "fingerprint"));
  if (!device.fingerprint.is_sha256())
    return damaged("a device in it has no fingerprint of 64 hex digits");
  const auto state = parse_state(text_in(json, "state"));
  const auto& print = device.fingerprint;
  if (!state) return damaged("fp:" + print.brief() + " is neither seen nor trusted nor blocked");
  device.state = *state;
  device.alias = text_in(json, "alias");
  device.name = text_in(json, "name");
  device.first_seen = parse_rfc3339(text_in(json, "first_seen")).value_or(FileTime());
  device.last_seen = parse_rfc3339(text_in(json, "last_seen")).value_or(FileTime());
  device.endpoints = parse_endpoints(json);
  return device;
}

Json to_object(const KnownDevice& device) {
  Json json;
  json["fingerprint"] = device.fingerprint.str();
  json["state"] = to_string(device.state);
  json["alias"] = device.alias;
  if (!device.name.empty()) json["name"] = device.name;
  json["first_seen"] = format_rfc3339(device.first_seen);
  json["last_seen"] = format_rfc3339(device.last_seen);
  json["addresses"] = Json::array();
  for (const auto& endpoint : device.endpoints) {
    Json address;
    address["host"] = endpoint.host;
    address["port"] = endpoint.port;
    json["addresses"].push_back(std::move(address));
  }
  return json;
}

}  // namespace

Result<KnownDevices> KnownDevices::parse(std::string_view text) {
  // The parser would take it for the end of the text and not look behind it.
  if (text.find('\0') != std::string_view::npos) return damaged("it has a NUL in it");
  const auto json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object()) return damaged("it is no JSON object");
  const auto format = json.find("format");
  if (format == json.end() || !format->is_number_unsigned())
    return damaged("it has no number 'format'");
  if (*format != kFormat) return damaged("another version of lsend wrote it");
  const auto list = json.find("devices");
  if (list == json.end() || !list->is_array()) return damaged("it has no list 'devices'");
  KnownDevices known;
  std::unordered_set<Fingerprint> prints;
  for (const auto& item : *list) {
    auto device = parse_device(item);
    if (!device) return device.error();
    if (!prints.insert(device->fingerprint).second)
      return damaged("fp:" + device->fingerprint.brief() + " is in it twice");
    known.devices_.push_back(std::move(*device));
  }
  return known;
}

/// A line a device, so that people can read and mend it.
std::string KnownDevices::to_json() const {
  std::string text = "{\"format\": " + std::to_string(kFormat) + ", \"devices\": [";
  const char* separator = "\n";
  for (const auto& device : devices_) {
    text += separator;
    text += to_object(device).dump(-1, ' ', false, Json::error_handler_t::replace);
    separator = ",\n";
  }
  return text + "\n]}\n";
}

}  // namespace lsend::identity
