#include "lib/app/sweep.hpp"

#include <algorithm>

#include "lib/app/call_limit.hpp"
#include "lsend/discovery/subnet_plan.hpp"
#include "lsend/net/task_group.hpp"

namespace lsend::app {

namespace {

constexpr std::size_t kParallel = 50;
constexpr Duration kPerHost{500};
constexpr int kWidest = 20;
/// All that is asked of one that takes connections and then says nothing.
constexpr Duration kWholeHost{1500};

struct Sweep {
  const Node& node;
  std::vector<std::string> hosts;
  std::uint16_t port;
  PeerFound found;
  std::function<bool()> stopped;
  TimePoint until;
  std::size_t next = 0;

  bool goes_on() const {
    return next < hosts.size() && Clock::now() < until && !stopped();
  }
};

Task<> call_hosts(Sweep& sweep) {
  const auto executor = co_await net::asio::this_coro::executor;
  while (sweep.goes_on()) {
    const auto host = sweep.hosts[sweep.next++];
    ProbeRequest request(host, sweep.port);
    CallLimit whole(executor, kWholeHost);
    request.limit = kPerHost;
    request.connecting = whole.connecting();
    const auto peer = co_await probe(sweep.node, std::move(request));
    if (!peer && peer.error().code() == Errc::cloned) {
      Peer copy;
      copy.info.alias = copy.endpoint.host = host;
      copy.endpoint.port = sweep.port;
      copy.info.fingerprint = sweep.node.self.fingerprint;
      sweep.found(copy);
    }
    // A web server that happens to listen there is no device.
    if (!peer || (peer->info.fingerprint.empty() && !peer->info.version.is_v1())) continue;
    const auto registered = co_await register_at(sweep.node, *peer, kPerHost);
    sweep.found(registered ? *registered : *peer);
  }
}

Task<> start_calls(Sweep& sweep, net::TaskGroup& calls) {
  for (std::size_t i = 0; i < std::min(kParallel, sweep.hosts.size()); ++i)
    calls.spawn(call_hosts(sweep));
  co_return;
}

}  // namespace

std::vector<std::string> hosts_around(const std::vector<net::Interface>& interfaces) {
  std::vector<discovery::Ipv4Net> networks;
  std::vector<std::uint32_t> known;
  for (const auto& interface : interfaces) {
    if (interface.loopback || interface.point_to_point) continue;
    if (const auto there = net::neighbours_on_bridge(interface.name)) {
      known.insert(known.end(), there->begin(), there->end());
      continue;
    }
    for (const auto& address : interface.addresses)
      if (!address.v6) networks.push_back(discovery::Ipv4Net{address.v4, address.prefix});
  }
  return discovery::sweep_hosts(std::move(networks), kWidest, known);
}

Task<> sweep_network(const Node& node, std::vector<std::string> hosts, std::uint16_t port,
                     PeerFound found, std::function<bool()> stopped, Duration limit) {
  const auto now = Clock::now();
  const auto until = limit == Duration::max() ? TimePoint::max() : now + limit;
  Sweep sweep{node, std::move(hosts), port, std::move(found), std::move(stopped), until};
  const auto call_all = [&sweep](net::TaskGroup& calls) { return start_calls(sweep, calls); };
  co_await net::with_children(call_all);
}

}  // namespace lsend::app
