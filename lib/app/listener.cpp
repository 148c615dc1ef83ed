#include "lib/app/listener.hpp"

#include <sys/resource.h>

namespace lsend::app {

namespace {

/// Files on their way in, the sockets of discovery, and what libraries open.
constexpr rlim_t kOwnDescriptors = 128;

}  // namespace

Result<std::unique_ptr<net::HttpServer>> open_server(Executor executor, Node& node,
                                                     ApiHandler& handler, const Networks& networks,
                                                     bool may_move, net::ServerLimits limits) {
  const auto speaks = node.settings.http ? net::Speaks::http_and_https : net::Speaks::https;
  limits.body_idle = node.settings.stall_timeout;
  const auto make = [&] {
    return std::make_unique<net::HttpServer>(executor, node.tls, handler, speaks, limits);
  };
  const auto on = listen_on(node.settings, networks);
  auto server = make();
  auto port = server->listen(node.settings.port, on);
  if (!port && port.error().code() == Errc::port && may_move && !node.settings.port_chosen) {
    server = make();
    port = server->listen(0, on);
  }
  if (!port) return port.error();
  node.self.port = *port;
  return server;
}

Result<> allow_connections(std::size_t connections) {
  const rlim_t needed = connections + kOwnDescriptors;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return {};
  if (limit.rlim_max >= needed) {
    limit.rlim_cur = needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  }
  // The usual number is served with what there is: newcomers wait until a descriptor is free.
  if (connections <= net::ServerLimits().connections) return {};
  return fail(Errc::usage, std::to_string(connections) + " connections need " +
                               std::to_string(needed) + " descriptors, and this process may have " +
                               std::to_string(limit.rlim_max) +
                               ": raise the limit (ulimit -Hn, LimitNOFILE=) or lower "
                               "--max-connections");
}

}  // namespace lsend::app
