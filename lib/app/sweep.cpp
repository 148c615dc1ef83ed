#include "lib/app/sweep.hpp"

#include "lsend/net/task_group.hpp"

namespace lsend::app {

namespace {

constexpr std::size_t kParallel = 50;
constexpr Duration kPerHost{500};

struct Sweep {
  const Node& node;
  std::vector<std::string> hosts;
  std::uint16_t port;
  PeerFound found;
  std::function<bool()> stopped;
  std::size_t next = 0;
};

Task<> call_hosts(Sweep& sweep) {
  while (sweep.next < sweep.hosts.size() && !sweep.stopped()) {
    const auto host = sweep.hosts[sweep.next++];
    ProbeRequest request(host, sweep.port);
    request.limit = kPerHost;
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

}  // namespace

namespace {

Task<> call_in_parallel(net::TaskGroup& children, Sweep& sweep) {
  for (std::size_t i = 0; i < std::min(kParallel, sweep.hosts.size()); ++i)
    children.spawn(call_hosts(sweep));
  co_return;
}

}  // namespace

Task<> sweep_network(const Node& node, std::vector<std::string> hosts, std::uint16_t port,
                     PeerFound found, std::function<bool()> stopped) {
  Sweep sweep{node, std::move(hosts), port, std::move(found), std::move(stopped)};
  auto job = [&sweep](net::TaskGroup& children) { return call_in_parallel(children, sweep); };
  co_await net::with_children(std::move(job));
}

}  // namespace lsend::app
