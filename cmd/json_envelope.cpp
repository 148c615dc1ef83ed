#include "cmd/json_envelope.hpp"

#include <nlohmann/json.hpp>

#include "cmd/exit_code.hpp"
#include "lsend/model/text.hpp"
#include "lsend/model/time.hpp"

namespace lsend::cmd {
namespace {

constexpr int kFormat = 1;

}  // namespace

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

void put_name(Json& json, const std::string& key, const std::string& name) {
  json[key] = name;
  if (!is_utf8(name)) json[key + "_b64"] = base64(name);
}

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

}  // namespace lsend::cmd
