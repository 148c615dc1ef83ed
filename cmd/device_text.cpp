#include "cmd/device_text.hpp"

#include <algorithm>

#include "cmd/columns.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

constexpr std::size_t kAliasColumns = 20;
constexpr std::size_t kTypeColumns = 8;
constexpr std::size_t kAddressColumns = 21;
constexpr std::size_t kModelColumns = 12;
constexpr std::size_t kLabelColumns = 13;

std::string or_dash(std::string text) { return text.empty() ? "-" : std::move(text); }

std::string shown(std::string_view text) { return or_dash(escape_for_terminal(text, 64)); }

std::string type_of(const DeviceInfo& info) {
  return info.device_type ? std::string(to_string(*info.device_type)) : "-";
}

std::string row(std::string_view label, const std::string& value) {
  return pad_right(std::string(label), kLabelColumns) + value + "\n";
}

/// UTC, to the second.
std::string time_of(FileTime time) {
  return format_rfc3339(std::chrono::floor<std::chrono::seconds>(time));
}

const char* trust_of(identity::Standing standing) {
  switch (standing) {
    case identity::Standing::trusted:
      return "trusted";
    case identity::Standing::seen:
      return "known, not trusted";
    case identity::Standing::blocked:
      return "blocked";
    case identity::Standing::changed:
      return "NOT the known device of this name or address";
    case identity::Standing::fresh:
      break;
  }
  return "not known";
}

template <class Items, class ToText>
std::string joined(const Items& items, ToText to_text) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + to_text(item);
  return or_dash(std::move(text));
}

}  // namespace

std::string address_of(const Endpoint& endpoint) {
  const auto url = escape_for_terminal(endpoint.url());
  constexpr std::string_view usual = "https://";
  return url.starts_with(usual) ? url.substr(usual.size()) : url;
}

std::string device_line(const app::DeviceEvent& event, bool long_format, bool bold) {
  const auto& info = event.device.info;
  const auto& endpoints = event.device.endpoints;
  auto alias = pad_right(shown(info.alias), kAliasColumns);
  if (bold) alias = "\x1b[1m" + alias + "\x1b[0m";
  const char* mark = event.standing == identity::Standing::trusted   ? "* "
                     : event.standing == identity::Standing::changed ? "! "
                                                                     : "  ";
  auto line = std::move(alias) + mark + pad_right(type_of(info), kTypeColumns) + "  ";
  const auto shown_endpoints =
      long_format ? endpoints.size() : std::min<std::size_t>(1, endpoints.size());
  std::string addresses;
  for (std::size_t i = 0; i < shown_endpoints; ++i)
    addresses += (i > 0 ? "," : "") + address_of(endpoints[i]);
  line += pad_right(or_dash(std::move(addresses)), kAddressColumns) + "  ";
  line += pad_right(shown(info.device_model.value_or("")), kModelColumns) + "  ";
  if (long_format) line += info.version.to_string() + "  ";
  return line + shown(long_format ? info.fingerprint.str() : info.fingerprint.brief());
}

std::string known_device_line(const identity::KnownDevice& device) {
  const auto address =
      device.endpoints.empty() ? std::string("-") : address_of(device.endpoints.front());
  return pad_right(std::string(identity::to_string(device.state)), kTypeColumns) + "  " +
         pad_right(shown(device.shown_name()), kAliasColumns) + "  " + device.fingerprint.brief() +
         "  " + pad_right(address, kAddressColumns) + "  " + time_of(device.last_seen) + "\n";
}

std::string known_device_text(const identity::KnownDevice& device) {
  std::string text = row("name", shown(device.shown_name()));
  text += row("alias", shown(device.alias));
  text += row("state", std::string(identity::to_string(device.state)));
  text += row("fingerprint", device.fingerprint.str());
  text += row("addresses", joined(device.endpoints, address_of));
  text += row("first seen", time_of(device.first_seen));
  return text + row("last seen", time_of(device.last_seen));
}

std::string own_info_text(const app::OwnInfo& info) {
  const auto& device = info.device;
  std::string text = row("alias", shown(device.alias));
  text += row("fingerprint", shown(device.fingerprint.str()));
  text += row("addresses", joined(info.addresses, [](const std::string& a) { return a; }));
  const std::string state = info.port_free ? " (free)" : " (in use)";
  text += row("port", std::to_string(device.port) + (device.port == 0 ? " (any)" : state));
  text += row("identity", escape_for_terminal(info.home.data.string(), 4096));
  text += row("state", escape_for_terminal(info.home.state.string(), 4096));
  text += row("downloads", escape_for_terminal(info.home.downloads.string(), 4096));
  text += row("fence", info.landlock ? "Landlock ABI " + std::to_string(*info.landlock)
                                     : "none: " + info.landlock.error().message());
  return text + row("version", LSEND_VERSION " (protocol " + device.version.to_string() + ")");
}

std::string peer_info_text(const app::PeerInfo& info) {
  const auto& device = info.device;
  std::string text = row("alias", shown(device.alias));
  text += row("type", type_of(device));
  text += row("model", shown(device.device_model.value_or("")));
  text += row("version", device.version.to_string());
  text += row("address", escape_for_terminal(info.endpoint.url()));
  text += row("fingerprint", shown(device.fingerprint.str()));
  std::string identity = "not proven: no TLS";
  if (info.proven)
    identity = *info.proven == device.fingerprint
                   ? "proven by TLS"
                   : "NOT the fingerprint of its certificate, which is " + info.proven->str();
  text += row("identity", identity);
  text += row("trust", info.ourselves ? "this machine itself" : trust_of(info.standing));
  return text + row("latency", std::to_string(info.latency.count()) + " ms");
}

}  // namespace lsend::cmd
