#include <arpa/inet.h>

#include "cmd/command_options.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

bool is_multicast(const std::string& address) {
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 28U) == 0xEU;
  in6_addr v6{};
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && v6.s6_addr[0] == 0xFF;
}

void read_network(const RawShared& raw, Converter& in, app::Settings& settings) {
  const auto port = in.given("--port", raw.port, "LSEND_PORT");
  in.number(port, settings.port, 0, 65535);
  settings.port_chosen = port.has_value();
  const auto groups = in.list(raw.multicast_groups, "LSEND_MULTICAST_GROUP");
  for (const auto& group : groups)
    if (!is_multicast(group))
      in.reject("--multicast-group: '" + escape_for_terminal(group, 64) +
                "' is no multicast address");
  if (!groups.empty()) settings.multicast_groups = groups;
  in.number(in.given("--multicast-port", raw.multicast_port, "LSEND_MULTICAST_PORT"),
            settings.multicast_port, 1, 65535);
  settings.interfaces = in.list(raw.interfaces, "LSEND_INTERFACE");
}

}  // namespace

void declare_shared(Declarer& in, RawShared& raw) {
  in.value("-a,--alias", raw.alias, "NAME", "the name that others see [host name]");
  in.value("-p,--port", raw.port, "N", "our TCP port, 0 = any free one [53317]");
  in.values("-i,--interface", raw.interfaces, "NAME|CIDR",
            "use this network only; may be repeated\n[every one that can multicast]");
  in.values("--multicast-group", raw.multicast_groups, "ADDR",
            "instead of both built-in groups; may be repeated\n[224.0.0.167, ff12::fd3a:e420]");
  in.value("--multicast-port", raw.multicast_port, "N", "UDP port of discovery [53317]");
  in.flag("--http", raw.http, "no encryption: announce and use plain HTTP");
  in.value("--connect-timeout", raw.connect_timeout, "TIME", "for a connection to open [5s]");
  in.value("--stall-timeout", raw.stall_timeout, "TIME", "without one byte moved [30s]");
  in.flag("--json", raw.json, "machine output on standard output");
  in.counter("-q,--quiet", raw.quiet, "no notes and no progress; twice: errors only");
  in.value("--progress", raw.progress, "MODE", "auto, bar, plain or none [auto]");
  in.value("--color", raw.color, "WHEN", "auto, always or never [auto]");
}

Output read_output(const RawShared& raw, Converter& in) {
  Output output;
  output.json = raw.json;
  output.quiet = raw.quiet;
  const auto progress = raw.progress.value_or("auto");
  const auto color = raw.color.value_or("auto");
  if (progress == "bar")
    output.progress = ProgressMode::bar;
  else if (progress == "plain")
    output.progress = ProgressMode::plain;
  else if (progress == "none")
    output.progress = ProgressMode::none;
  else if (progress != "auto")
    in.reject("--progress: write auto, bar, plain or none");
  if (color == "always")
    output.color = ColorMode::always;
  else if (color == "never")
    output.color = ColorMode::never;
  else if (color != "auto")
    in.reject("--color: write auto, always or never");
  return output;
}

app::Settings read_settings(const RawShared& raw, Converter& in) {
  app::Settings settings;
  const auto home = storage::Home::locate();
  if (home)
    settings.home = *home;
  else
    in.reject(home.error().message());
  settings.alias = storage::host_name();
  in.text(in.given("--alias", raw.alias, "LSEND_ALIAS"), settings.alias);
  read_network(raw, in, settings);
  settings.http = in.flag(raw.http, "LSEND_HTTP");
  in.duration(in.given("--connect-timeout", raw.connect_timeout, "LSEND_CONNECT_TIMEOUT"),
              settings.connect_timeout);
  in.duration(in.given("--stall-timeout", raw.stall_timeout, "LSEND_STALL_TIMEOUT"),
              settings.stall_timeout);
  return settings;
}

}  // namespace lsend::cmd
