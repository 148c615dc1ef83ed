#include "cmd/json_lines.hpp"

#include <nlohmann/json.hpp>

#include "cmd/exit_code.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr Duration kProgressEvery{500};

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

Json object(const char* type) {
  const auto now = std::chrono::system_clock::now();
  Json json;
  json["v"] = kFormat;
  json["type"] = type;
  json["ts"] = format_rfc3339(std::chrono::time_point_cast<std::chrono::milliseconds>(now));
  return json;
}

/// The fields of an error event; also what stands in documents and files.
Json error_fields(const Error& error) {
  const auto exit = exit_code(error.code());
  Json json;
  json["code"] = exit.name;
  json["message"] = error.message();
  if (const auto hint = hint_of(error.code()); !hint.empty()) json["hint"] = hint;
  json["exit_code"] = exit.code;
  json["temporary"] = exit.temporary;
  return json;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto three = bytes.substr(i, 3);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8U | (k < three.size() ? static_cast<unsigned char>(three[k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= three.size() ? digits[bits >> (18 - 6 * k) & 0x3FU] : '=';
  }
  return text;
}

/// A name of a file is bytes; JSON has UTF-8 only.
void put_name(Json& json, const std::string& key, const std::string& name) {
  json[key] = name;
  if (!is_utf8(name)) json[key + "_b64"] = base64(name);
}

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

const char* status_word(app::FileStatus status) {
  switch (status) {
    case app::FileStatus::done:
      return "done";
    case app::FileStatus::declined:
      return "declined";
    case app::FileStatus::skipped:
      return "skipped";
    case app::FileStatus::failed:
      break;
  }
  return "failed";
}

const char* kind_word(app::DeviceEvent::Kind kind) {
  switch (kind) {
    case app::DeviceEvent::Kind::found:
      return "found";
    case app::DeviceEvent::Kind::updated:
      return "updated";
    case app::DeviceEvent::Kind::lost:
      break;
  }
  return "lost";
}

Json to_json(const app::ReadyEvent& event) {
  auto json = object("ready");
  json.update(device_fields(event.self));
  json["protocol"] = to_string(event.self.protocol);
  json["port"] = event.self.port;
  json["addresses"] = event.addresses;
  json["folder"] = event.folder;
  json["auto_accept"] = event.auto_accept;
  json["policy"] = event.policy;
  json["pin"] = event.pin;
  if (!event.made_pin.empty()) json["made_pin"] = event.made_pin;
  return json;
}

Json to_json(const app::DeviceEvent& event) {
  auto json = object("device");
  json["event"] = kind_word(event.kind);
  json.update(known_device(event));
  return json;
}

Json to_json(const app::TargetEvent& event) {
  auto json = object("target");
  json.update(target_fields(event));
  return json;
}

Json to_json(const app::PlanEvent& event) {
  auto json = object("plan");
  json["files"] = event.files;
  json["bytes"] = event.bytes;
  json["left_out"] = event.left_out;
  json["dry_run"] = event.dry_run;
  if (!event.dry_run) return json;
  json["list"] = Json::array();
  for (const auto& file : event.list) {
    Json entry;
    entry["name"] = file.name;
    entry["size"] = file.size;
    json["list"].push_back(std::move(entry));
  }
  return json;
}

Json to_json(const app::WaitingEvent& event) {
  auto json = object("waiting");
  if (!event.target.empty()) json["target"] = event.target;
  json["reason"] = event.reason;
  return json;
}

Json to_json(const app::RequestEvent& event) {
  auto json = object("request");
  json.update(request_fields(event));
  return json;
}

Json to_json(const app::DecisionEvent& event) {
  auto json = object("decision");
  json.update(request_fields(event.request));
  json["accepted"] = event.accepted;
  json["by"] = event.by;
  if (event.accepted) json["files_accepted"] = event.files;
  if (event.error) json["error"] = error_fields(*event.error);
  return json;
}

Json to_json(const app::FileEvent& event) {
  auto json = object("file");
  if (!event.target.empty()) json["target"] = event.target;
  json["status"] = status_word(event.status);
  json["name"] = event.name;
  if (!event.name_bytes.empty()) json["name_b64"] = base64(event.name_bytes);
  if (!event.path.empty()) put_name(json, "path", event.path);
  json["size"] = event.size;
  if (event.sha256) json["sha256"] = *event.sha256;
  if (event.status == app::FileStatus::failed) json["error"] = error_fields(event.error);
  return json;
}

Json to_json(const app::ProgressEvent& event) {
  auto json = object("progress");
  if (!event.target.empty()) json["target"] = event.target;
  json["peer"] = event.peer;
  json["bytes"] = event.bytes;
  json["total_bytes"] = event.total_bytes;
  json["files"] = event.files;
  json["total_files"] = event.total_files;
  json["bytes_per_second"] =
      event.bytes_per_second > 0 ? static_cast<std::uint64_t>(event.bytes_per_second) : 0;
  if (event.remaining) json["remaining_ms"] = event.remaining->count();
  if (event.stalled) json["stalled_ms"] = event.stalled->count();
  return json;
}

Json to_json(const app::MessageEvent& event) {
  auto json = object("message");
  json["device"] = device_fields(event.device);
  json["address"] = event.address;
  json["text"] = event.text;
  return json;
}

Json to_json(const app::SessionEvent& event) {
  auto json = object("session");
  if (!event.session.empty()) json["session"] = event.session;
  json["device"] = device_fields(event.device);
  json["end"] = event.end;
  json["files_done"] = event.done;
  json["files_failed"] = event.failed;
  json["bytes"] = event.bytes;
  return json;
}

Json to_json(const app::HookEvent& event) {
  auto json = object("hook");
  put_name(json, "path", event.path);
  json["ok"] = event.ok;
  json["end"] = event.end;
  if (!event.output.empty()) put_name(json, "output", event.output);
  json["elapsed_ms"] = event.elapsed.count();
  return json;
}

Json to_json(const app::WarningEvent& event) {
  auto json = object("warning");
  json["message"] = event.message;
  return json;
}

/// How one target of `send` fared.
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

/// Not of the stream: it is answered on standard error.
Json to_json(const app::StatusEvent&) { return {}; }

/// How the command ended.
Json verdict(const char* type, const Error* error) {
  auto json = object(type);
  json["ok"] = error == nullptr;
  json["exit_code"] = error ? exit_code(error->code()).code : kSuccess;
  return json;
}

Json document(const char* type, const Error* error) {
  auto json = verdict(type, error);
  if (error) json["error"] = error_fields(*error);
  return json;
}

}  // namespace

void JsonLines::on(const app::Event& event) {
  if (std::holds_alternative<app::StatusEvent>(event)) return;
  if (std::holds_alternative<app::ProgressEvent>(event)) {
    const auto now = Clock::now();
    if (!progress_ || (last_progress_ && now - *last_progress_ < kProgressEvery)) return;
    last_progress_ = now;
  }
  out_.write(line_of(std::visit([](const auto& known) { return to_json(known); }, event)));
}

void JsonLines::finish(const Totals& totals, const Error* error) {
  if (error) {
    auto json = object("error");
    json.update(error_fields(*error));
    out_.write(line_of(json));
  }
  auto json = verdict("result", error);
  if (result_ == Result::devices) {
    json["devices"] = totals.devices;
  } else {
    json["files_done"] = totals.files_done;
    json["files_failed"] = totals.files_failed;
    json["files_skipped"] = totals.files_skipped;
    json["bytes"] = totals.bytes;
    json["sessions"] = totals.sessions;
    json["messages"] = totals.messages;
  }
  json["elapsed_ms"] = totals.elapsed.count();
  if (totals.target) json["target"] = target_fields(*totals.target);
  if (!totals.targets.empty()) json["targets"] = Json::array();
  for (const auto& target : totals.targets) json["targets"].push_back(target_result(target));
  out_.write(line_of(json));
}

std::string request_document(const app::AcceptQuestion& question) {
  auto json = object("request");
  json.update(request_fields(question.request));
  json["folder"] = question.folder;
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
  json["identity_folder"] = info.home.data.string();
  json["state_folder"] = info.home.state.string();
  json["download_folder"] = info.home.downloads.string();
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
