#include "lib/app/listener.hpp"

namespace lsend::app {

Result<std::unique_ptr<net::HttpServer>> open_server(Executor executor, Node& node,
                                                     ApiHandler& handler, bool may_move) {
  const auto speaks = node.settings.http ? net::Speaks::http_and_https : net::Speaks::https;
  net::ServerLimits limits;
  limits.body_idle = node.settings.stall_timeout;
  const auto make = [&] {
    return std::make_unique<net::HttpServer>(executor, node.tls, handler, speaks, limits);
  };
  auto server = make();
  auto port = server->listen(node.settings.port);
  if (!port && port.error().code() == Errc::port && may_move && !node.settings.port_chosen) {
    server = make();
    port = server->listen(0);
  }
  if (!port) return port.error();
  node.self.port = *port;
  return server;
}

}  // namespace lsend::app
