#include <arpa/inet.h>

#include <algorithm>

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
  const auto port = in.given("--port", raw.port);
  in.number(port, settings.port, 0, 65535);
  settings.port_chosen = port.has_value();
  const auto groups = in.list("--multicast-group", raw.multicast_groups);
  for (const auto& group : groups)
    if (!is_multicast(group))
      in.reject("--multicast-group: '" + escape_for_terminal(group, 64) +
                "' is no multicast address");
  if (!groups.empty()) settings.multicast_groups = groups;
  in.number(in.given("--multicast-port", raw.multicast_port), settings.multicast_port, 1, 65535);
  settings.interfaces = in.list("--interface", raw.interfaces);
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
  in.counter("-v,--verbose", raw.verbose, "log what happens; twice, three times: more");
  in.value("--log-level", raw.log_level, "LEVEL", "error, warn, info, debug or trace [warn]");
  in.value("--progress", raw.progress, "MODE", "auto, bar, plain or none [auto]");
  in.value("--color", raw.color, "WHEN", "auto, always or never [auto]");
  in.value("--config", raw.config, "FILE", "instead of the user's configuration [config.toml]");
}

Output read_output(const RawShared& raw, Converter& in) {
  Output output;
  output.json = in.flag("--json", raw.json);
  output.quiet = in.count("--quiet", raw.quiet);
  in.word<LogLevel>(in.given("--log-level", raw.log_level), output.log,
                    {{"error", LogLevel::error},
                     {"warn", LogLevel::warn},
                     {"info", LogLevel::info},
                     {"debug", LogLevel::debug},
                     {"trace", LogLevel::trace}});
  const auto verbose = in.count("--verbose", raw.verbose);
  if (verbose > 0)
    output.log = std::max(
        output.log, static_cast<LogLevel>(std::min(static_cast<unsigned>(LogLevel::warn) + verbose,
                                                   static_cast<unsigned>(LogLevel::trace))));
  in.word<ProgressMode>(in.given("--progress", raw.progress), output.progress,
                        {{"auto", ProgressMode::automatic},
                         {"bar", ProgressMode::bar},
                         {"plain", ProgressMode::plain},
                         {"none", ProgressMode::none}});
  in.word<ColorMode>(
      in.given("--color", raw.color), output.color,
      {{"auto", ColorMode::automatic}, {"always", ColorMode::always}, {"never", ColorMode::never}});
  return output;
}

app::Settings read_settings(const RawShared& raw, Converter& in) {
  app::Settings settings;
  // What has nothing to keep needs none.
  if (const auto home = storage::Home::locate()) settings.home = *home;
  settings.alias = storage::host_name();
  in.text(in.given("--alias", raw.alias), settings.alias);
  read_network(raw, in, settings);
  settings.http = in.flag("--http", raw.http);
  in.duration(in.given("--connect-timeout", raw.connect_timeout), settings.connect_timeout);
  in.duration(in.given("--stall-timeout", raw.stall_timeout), settings.stall_timeout);
  settings.groups = in.groups();
  return settings;
}

}  // namespace lsend::cmd
