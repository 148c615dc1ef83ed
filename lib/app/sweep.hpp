#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/app/node.hpp"
#include "lib/app/peer.hpp"
#include "lsend/net/interfaces.hpp"

namespace lsend::app {

using PeerFound = std::function<void(const Peer& peer)>;

/// A sweep that nobody asked for goes on for so long: some 1,000 silent hosts.
constexpr Duration kLongestSweep = std::chrono::seconds(10);

/// The hosts in the networks of these interfaces, the nearest ones first (discovery::sweep_hosts).
/// Of bridges without a cable only those that are known to be there.
std::vector<std::string> hosts_around(const std::vector<net::Interface>& interfaces);

/// Calls every host on `port`, 50 at a time and half a second each, https first, and registers at
/// those that answer (protocol.md 2.3). `found` hears of each device. Ends when all were called, or
/// a moment after `stopped` says so or `limit` has passed.
Task<> sweep_network(const Node& node, std::vector<std::string> hosts, std::uint16_t port,
                     PeerFound found, std::function<bool()> stopped,
                     Duration limit = Duration::max());

}  // namespace lsend::app
