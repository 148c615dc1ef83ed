#pragma once

#include <string>

#include "lib/app/discovery_service.hpp"
#include "lib/app/interrupt.hpp"
#include "lib/app/peer.hpp"

namespace lsend::app {

/// The networks of these interfaces as hosts to call.
std::vector<std::string> hosts_around(const std::vector<net::Interface>& interfaces);

/// The device that a TARGET means (cli.md, send): addresses and URLs are probed; a fingerprint or
/// an alias is looked for on the network for `timeout`, then as a host name, then by a sweep.
/// `discovery` must be running. Errc::usage, Errc::not_found, Errc::ambiguous, Errc::unreachable,
/// Errc::identity.
Task<Result<Peer>> find_target(const Node& node, DiscoveryService& discovery, std::string target,
                               Duration timeout, const Interrupt& interrupt);

}  // namespace lsend::app
