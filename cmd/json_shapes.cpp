#include "cmd/json_shapes.hpp"

#include <nlohmann/json.hpp>

#include "cmd/exit_code.hpp"
#include "lsend/model/time.hpp"

namespace lsend::cmd {

void put_fingerprint(Json& json, const char* key, const Fingerprint& fingerprint) {
  if (fingerprint.is_sha256()) json[key] = fingerprint.str();
}

Json device_fields(const DeviceInfo& info) {
  Json json;
  json["alias"] = info.alias;
  json["version"] = info.version.to_string();
  if (info.device_model) json["device_model"] = *info.device_model;
  if (info.device_type) json["device_type"] = to_string(*info.device_type);
  put_fingerprint(json, "fingerprint", info.fingerprint);
  return json;
}

Json endpoint_fields(const Endpoint& endpoint) {
  Json json;
  json["protocol"] = to_string(endpoint.scheme);
  json["address"] = endpoint.host;
  json["port"] = endpoint.port;
  return json;
}

void put_standing(Json& json, identity::Standing standing) {
  using identity::Standing;
  json["known"] = standing != Standing::fresh && standing != Standing::changed;
  json["trusted"] = standing == Standing::trusted;
  if (standing == Standing::blocked) json["blocked"] = true;
  if (standing == Standing::changed) json["changed"] = true;
}

Json known_device(const app::DeviceEvent& event) {
  const auto& device = event.device;
  auto json = device_fields(device.info);
  json["verified"] = device.verified;
  json["download"] = device.info.download;
  put_standing(json, event.standing);
  json["endpoints"] = Json::array();
  for (const auto& endpoint : device.endpoints)
    json["endpoints"].push_back(endpoint_fields(endpoint));
  return json;
}

Json remembered_fields(const identity::KnownDevice& device) {
  Json json;
  json["fingerprint"] = device.fingerprint.str();
  json["state"] = identity::to_string(device.state);
  if (!device.alias.empty()) json["alias"] = device.alias;
  if (!device.name.empty()) json["name"] = device.name;
  json["first_seen"] = format_rfc3339(device.first_seen);
  json["last_seen"] = format_rfc3339(device.last_seen);
  json["endpoints"] = Json::array();
  for (const auto& endpoint : device.endpoints)
    json["endpoints"].push_back(endpoint_fields(endpoint));
  return json;
}

Json target_fields(const app::TargetEvent& event) {
  Json json;
  json["target"] = event.target;
  json.update(device_fields(event.device));
  json.update(endpoint_fields(event.endpoint));
  json["verified"] = event.verified;
  put_standing(json, event.standing);
  return json;
}

Json request_fields(const app::RequestEvent& event) {
  Json json;
  if (!event.session.empty()) json["session"] = event.session;
  json["device"] = device_fields(event.device);
  json["address"] = event.address;
  json["verified"] = event.verified;
  json["standing"] = to_string(event.standing);
  json["message"] = event.message;
  json["files"] = event.files;
  json["bytes"] = event.bytes;
  return json;
}

Json target_result(const app::TargetReport& report) {
  Json json;
  json["target"] = report.target;
  if (report.found) {
    json.update(device_fields(report.device));
    json.update(endpoint_fields(report.endpoint));
  }
  json["ok"] = report.success;
  json["exit_code"] = report.success ? kSuccess : exit_code(report.failure.code()).code;
  json["files_done"] = report.done;
  json["files_failed"] = report.failed;
  json["files_skipped"] = report.skipped;
  json["bytes"] = report.bytes_done;
  json["elapsed_ms"] = report.elapsed.count();
  if (!report.success) json["error"] = error_fields(report.failure);
  return json;
}

}  // namespace lsend::cmd
