#include "cmd/json_lines.hpp"

#include <nlohmann/json.hpp>

#include "cmd/exit_code.hpp"
#include "cmd/json_shapes.hpp"

namespace lsend::cmd {
namespace {

constexpr Duration kProgressEvery{500};

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
  put_name(json, "folder", event.folder);
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
  if (event.resumed_from) json["resumed_from"] = *event.resumed_from;
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

/// Not of the stream: it is answered on standard error.
Json to_json(const app::StatusEvent&) { return {}; }

}  // namespace

std::string dropped_line(const Dropped& dropped) {
  auto json = object("warning");
  json["message"] = "nobody read this: lines were dropped, " + describe(dropped);
  auto& counts = json["dropped"];
  counts["progress"] = dropped.progress;
  counts["log"] = dropped.log;
  counts["kept"] = dropped.kept;
  return line_of(json);
}

void JsonLines::on(const app::Event& event) {
  if (std::holds_alternative<app::StatusEvent>(event)) return;
  if (std::holds_alternative<app::ProgressEvent>(event)) {
    const auto now = Clock::now();
    if (!progress_ || (last_progress_ && now - *last_progress_ < kProgressEvery)) return;
    last_progress_ = now;
  }
  const bool progress = std::holds_alternative<app::ProgressEvent>(event);
  out_.write(line_of(std::visit([](const auto& known) { return to_json(known); }, event)),
             progress ? Worth::progress : Worth::kept);
}

void JsonLines::finish(const Totals& totals, const Error* error) {
  if (out_.queue()) out_.queue()->tell_dropped();
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

}  // namespace lsend::cmd
