#include "cmd/json_documents.hpp"

#include <nlohmann/json.hpp>

#include "cmd/exit_code.hpp"
#include "cmd/json_shapes.hpp"

namespace lsend::cmd {

std::string request_document(const app::AcceptQuestion& question) {
  auto json = object("request");
  json.update(request_fields(question.request));
  put_name(json, "folder", question.folder);
  json["file_list"] = Json::array();
  for (const auto& file : question.files) {
    Json entry;
    entry["name"] = file.file_name;
    entry["size"] = file.size;
    entry["file_type"] = file.file_type;
    if (file.sha256) entry["sha256"] = *file.sha256;
    if (question.request.message) entry["text"] = file.preview.value_or("");
    json["file_list"].push_back(std::move(entry));
  }
  return line_of(json);
}

std::string devices_document(const std::vector<app::DeviceEvent>& devices, const Error* error) {
  auto json = document("devices", error);
  json["devices"] = Json::array();
  for (const auto& device : devices) json["devices"].push_back(known_device(device));
  return line_of(json);
}

std::string own_info_document(const app::OwnInfo& info) {
  auto json = document("info", nullptr);
  json["lsend_version"] = LSEND_VERSION;
  json.update(device_fields(info.device));
  json["protocol"] = to_string(info.device.protocol);
  json["addresses"] = info.addresses;
  json["port"] = info.device.port;
  json["port_free"] = info.port_free;
  put_name(json, "identity_folder", info.home.data.string());
  put_name(json, "state_folder", info.home.state.string());
  put_name(json, "download_folder", info.home.downloads.string());
  if (info.landlock) json["landlock_abi"] = *info.landlock;
  return line_of(json);
}

std::string peer_info_document(const app::PeerInfo& info) {
  auto json = document("info", nullptr);
  json.update(device_fields(info.device));
  json.update(endpoint_fields(info.endpoint));
  json["download"] = info.device.download;
  json["verified"] = info.proven && *info.proven == info.device.fingerprint;
  if (info.proven) put_fingerprint(json, "certificate_fingerprint", *info.proven);
  put_standing(json, info.standing);
  json["latency_ms"] = info.latency.count();
  return line_of(json);
}

std::string doctor_document(const std::vector<app::Check>& checks, int exit_code) {
  auto json = object("doctor");
  json["ok"] = exit_code == kSuccess;
  json["exit_code"] = exit_code;
  json["checks"] = Json::array();
  for (const auto& check : checks) {
    Json entry;
    entry["check"] = check.name;
    entry["status"] = check.health == app::Health::ok     ? "ok"
                      : check.health == app::Health::warn ? "warn"
                                                          : "fail";
    entry["finding"] = check.finding;
    if (!check.remedy.empty()) entry["remedy"] = check.remedy;
    json["checks"].push_back(std::move(entry));
  }
  return line_of(json);
}

std::string known_devices_document(const std::vector<identity::KnownDevice>& devices,
                                   const Error* error) {
  auto json = document("known_devices", error);
  json["devices"] = Json::array();
  for (const auto& device : devices) json["devices"].push_back(remembered_fields(device));
  return line_of(json);
}

std::string failure_document(const char* type, const Error& error) {
  return line_of(document(type, &error));
}

}  // namespace lsend::cmd
