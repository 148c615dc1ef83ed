#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/app/node.hpp"
#include "lib/app/peer.hpp"

namespace lsend::app {

using PeerFound = std::function<void(const Peer& peer)>;

/// Calls every host on `port`, 50 at a time and half a second each, https first, and registers at
/// those that answer (protocol.md 2.3). `found` hears of each device. Ends when all were called or
/// `stopped` says so.
Task<> sweep_network(const Node& node, std::vector<std::string> hosts, std::uint16_t port,
                     PeerFound found, std::function<bool()> stopped);

}  // namespace lsend::app
