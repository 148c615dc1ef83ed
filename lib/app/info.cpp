#include "lsend/app/info.hpp"

#include <algorithm>

#include "lib/app/api_handler.hpp"
#include "lib/app/find_target.hpp"
#include "lib/app/networks.hpp"
#include "lib/app/presence.hpp"
#include "lib/app/runtime.hpp"
#include "lsend/app/known_store.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/fence.hpp"

namespace lsend::app {

namespace {

class Asker {
 public:
  Asker(Executor executor, Interrupt& interrupt, Node node, identity::KnownDevices known)
      : interrupt_(interrupt),
        known_(std::move(known)),
        presence_(executor, std::move(node), nullptr, nullptr) {}

  Task<Result<PeerInfo>> run(std::string target) {
    auto opened = presence_.open();
    if (!opened) co_return opened.error();
    auto result = co_await ask(std::move(target));
    co_await presence_.close();
    co_return result;
  }

 private:
  Task<Result<PeerInfo>> ask(std::string target) {
    const auto& node = presence_.node();
    const auto limit = node.settings.connect_timeout;
    // Who has another's address is to be shown, not refused.
    Search search{std::move(target), limit, known_, {}, false};
    auto peer = co_await find_target(node, presence_.discovery(), std::move(search), interrupt_);
    if (!peer) co_return peer.error();
    // Once more where it was found, with the clock running.
    ProbeRequest request(peer->endpoint.host, peer->endpoint.port);
    request.scheme = peer->endpoint.scheme;
    if (peer->pin) request.pins.push_back(*peer->pin);
    request.limit = limit;
    const auto began = Clock::now();
    const auto again = co_await probe(node, std::move(request));
    if (!again) co_return again.error();
    const auto& nameless = again->nameless;
    if (nameless && nameless->code() != Errc::unknown_route) co_return *nameless;
    PeerInfo info;
    info.device = again->info;
    info.endpoint = again->endpoint;
    info.proven = again->proven;
    info.standing =
        known_.standing(again->proven.value_or(Fingerprint()), info.device.alias, info.endpoint);
    info.latency = std::chrono::duration_cast<Duration>(Clock::now() - began);
    co_return info;
  }

  Interrupt& interrupt_;
  identity::KnownDevices known_;
  Presence<ApiHandler> presence_;
};

/// Where a receiver of this host can listen: by loopback first, so that no firewall has a say, and
/// at its other addresses for one that --interface keeps from it.
std::vector<std::string> own_addresses(const Settings& settings) {
  const auto networks = look_at_networks(settings, Absent::wait_for);
  if (networks && !settings.interfaces.empty()) return addresses_of(networks->chosen);
  std::vector<std::string> addresses{"127.0.0.1", "::1"};
  if (!networks) return addresses;
  for (const auto& address : addresses_of(networks->all))
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
      addresses.push_back(address);
  return addresses;
}

/// At the first address where somebody answers; somebody else may do that at another one.
Task<Result<Peer>> probe_ourselves(const Node& node, std::uint16_t port) {
  Result<Peer> best = fail(Errc::unreachable, "no interface of --interface has an address");
  const auto addresses = own_addresses(node.settings);
  for (const auto& address : addresses) {
    ProbeRequest request(address, port);
    request.scheme = Scheme::https;
    request.pins.push_back(node.self.fingerprint);
    request.limit = node.settings.connect_timeout;
    request.may_be_us = true;
    auto peer = co_await probe(node, std::move(request));
    if (peer) co_return peer;
    if (best.error().code() == Errc::unreachable) best = std::move(peer);
  }
  co_return best;
}

Task<Result<PeerInfo>> ask_ourselves(const Node& node) {
  const auto port = node.settings.port;
  const auto began = Clock::now();
  const auto peer = co_await probe_ourselves(node, port);
  const std::string where = "port " + std::to_string(port) + " of this machine";
  if (!peer && peer.error().code() == Errc::unreachable)
    co_return fail(Errc::unreachable,
                   "no receiver listens on " + where + "; start one with 'lsend receive'");
  if (!peer && peer.error().code() == Errc::identity)
    co_return fail(Errc::identity, "on " + where + " listens a receiver that is not this one: " +
                                       peer.error().message());
  if (!peer) co_return fail(peer.error().code(), where + ": " + peer.error().message());
  if (!peer->trouble.empty())
    co_return fail(Errc::io, "the receiver on " + where + " is not well: " +
                                 escape_for_terminal(peer->trouble, 8192));
  PeerInfo info;
  info.device = peer->info;
  info.endpoint = peer->endpoint;
  info.proven = peer->proven;
  info.standing = identity::Standing::trusted;
  info.ourselves = true;
  info.latency = std::chrono::duration_cast<Duration>(Clock::now() - began);
  co_return info;
}

}  // namespace

Result<PeerInfo> self_info(const Settings& settings) {
  // Our receiver speaks HTTPS whatever else it speaks.
  auto own = settings;
  own.http = false;
  auto node = Node::make(own);
  if (!node) return node.error();
  Runtime runtime;
  return runtime.run(ask_ourselves(*node));
}

Result<OwnInfo> own_info(const Settings& settings) {
  auto node = Node::make(settings);
  if (!node) return node.error();
  const auto networks = look_at_networks(settings, Absent::refuse);
  if (!networks) return networks.error();
  OwnInfo info;
  info.device = node->self;
  info.addresses = reachable_addresses(settings, *networks);
  info.home = settings.home;
  info.landlock = storage::landlock_abi();
  Runtime runtime;
  ApiHandler handler(*node, nullptr);
  net::HttpServer server(runtime.executor(), node->tls, handler, net::Speaks::https,
                         net::ServerLimits());
  info.port_free = server.listen(settings.port, listen_on(settings, *networks)).has_value();
  return info;
}

Result<PeerInfo> peer_info(const Settings& settings, const std::string& target) {
  auto node = Node::make(settings);
  if (!node) return node.error();
  auto known = load_known(settings.home);
  if (!known) return known.error();
  Runtime runtime;
  Asker asker(runtime.executor(), runtime.interrupt(), std::move(*node), std::move(*known));
  return runtime.run(asker.run(target));
}

}  // namespace lsend::app
