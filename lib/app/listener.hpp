#pragma once

#include <memory>

#include "lib/app/api_handler.hpp"
#include "lib/app/networks.hpp"
#include "lib/app/node.hpp"
#include "lsend/net/http_server.hpp"

namespace lsend::app {

/// Opens the HTTP server of a command where `networks` let it and puts the port into `node.self`.
/// When the port is taken and the user did not insist on it, `may_move` lets it listen on a free one
/// (protocol.md trap 10).
Result<std::unique_ptr<net::HttpServer>> open_server(Executor executor, Node& node,
                                                     ApiHandler& handler, const Networks& networks,
                                                     bool may_move, net::ServerLimits limits = {});

/// Lets this process have a descriptor for each of so many connections, and some for its own work.
/// Errc::usage when the system forbids it; nothing is asked of it for as many as fit anyway.
Result<> allow_connections(std::size_t connections);

}  // namespace lsend::app
