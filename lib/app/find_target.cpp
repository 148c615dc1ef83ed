#include "lib/app/find_target.hpp"

#include "lib/app/sweep.hpp"
#include "lsend/discovery/subnet_plan.hpp"
#include "lsend/discovery/target.hpp"
#include "lsend/model/text.hpp"

namespace lsend::app {

namespace {

using discovery::AddressTarget;
using discovery::Device;
using discovery::FingerprintTarget;
using discovery::NameTarget;

constexpr Duration kLook{50};
// A second device of the same name has to have its chance to answer.
constexpr Duration kSettle{400};

Result<Device> match(const DiscoveryService& discovery, const discovery::TargetSpec& spec) {
  const auto devices = discovery.table().devices();
  if (const auto* print = std::get_if<FingerprintTarget>(&spec))
    return discovery::find_by_fingerprint(devices, print->prefix);
  return discovery::find_by_name(devices, std::get<NameTarget>(spec).name);
}

Peer peer_of(const Device& device) {
  Peer peer;
  peer.info = device.info;
  peer.endpoint = device.endpoints.front();
  const bool provable = !device.info.version.is_v1() && device.info.fingerprint.is_sha256();
  if (peer.endpoint.scheme == Scheme::https && provable) peer.pin = device.info.fingerprint;
  return peer;
}

/// A fingerprint is proved by TLS only: a device that does without cannot be named by it.
Result<Device> provable(const discovery::TargetSpec& spec, Result<Device> device) {
  if (!device || !std::holds_alternative<FingerprintTarget>(spec)) return device;
  if (peer_of(*device).pin) return device;
  return fail(Errc::identity, "a device that claims this fingerprint, '" +
                                  escape_for_terminal(device->info.alias, 64) +
                                  "', does not speak HTTPS and cannot prove it; name it by address "
                                  "if you trust the network");
}

/// Devices up to 1.8 announce neither port nor protocol: whether they speak TLS shows when asked.
Task<Result<Peer>> settle_scheme(const Node& node, Peer peer) {
  if (!peer.info.version.is_v1()) co_return peer;
  ProbeRequest request(peer.endpoint.host, peer.endpoint.port);
  request.limit = node.settings.connect_timeout;
  const auto found = co_await probe(node, std::move(request));
  if (!found) co_return found.error();
  peer.endpoint = found->endpoint;
  peer.info.protocol = found->info.protocol;
  co_return peer;
}

/// Waits for the network to name the device.
Task<Result<Device>> wait_for(const DiscoveryService& discovery, const discovery::TargetSpec& spec,
                              TimePoint until, const Interrupt& interrupt) {
  TimePoint settled = TimePoint::max();
  while (!interrupt.requested()) {
    auto found = match(discovery, spec);
    const auto now = Clock::now();
    if (found && settled == TimePoint::max()) settled = now + kSettle;
    if (now >= until || (found && now >= settled)) co_return found;
    co_await net::sleep_for(kLook);
  }
  co_return interrupt.error();
}

/// The first of a host's addresses that answers.
Task<Result<Peer>> probe_host(const Node& node, const AddressTarget& target) {
  const auto limit = node.settings.connect_timeout;
  const auto addresses = co_await net::resolve_host(target.host, limit);
  if (!addresses) co_return addresses.error();
  Error last = fail(Errc::not_found, "'" + target.host + "' has no address");
  for (const auto& address : *addresses) {
    ProbeRequest request(address, target.port.value_or(kDefaultPort));
    request.scheme = target.scheme;
    request.limit = limit;
    auto peer = co_await probe(node, std::move(request));
    if (peer) {
      peer->pin = peer->proven;
      co_return peer;
    }
    last = peer.error();
  }
  co_return last;
}

Task<> sweep_for(const Node& node, DiscoveryService& discovery, const discovery::TargetSpec& spec,
                 const Interrupt& interrupt) {
  auto hosts = hosts_around(discovery.interfaces());
  PeerFound found = [&discovery](const Peer& peer) {
    discovery.heard(peer.info, peer.endpoint, peer.proven && *peer.proven == peer.info.fingerprint);
  };
  std::function<bool()> stopped = [&] {
    return interrupt.requested() || match(discovery, spec).has_value();
  };
  co_await sweep_network(node, std::move(hosts), kDefaultPort, std::move(found),
                         std::move(stopped));
}

Error nobody(const std::string& target) {
  return fail(Errc::not_found, "no device '" + escape_for_terminal(target, 64) +
                                   "' answered; see 'lsend discover', or name its address");
}

}  // namespace

std::vector<std::string> hosts_around(const std::vector<net::Interface>& interfaces) {
  std::vector<discovery::Ipv4Net> networks;
  for (const auto& interface : interfaces) {
    if (interface.loopback || interface.point_to_point) continue;
    for (const auto& address : interface.addresses)
      if (!address.v6) networks.push_back(discovery::Ipv4Net{address.v4, address.prefix});
  }
  return discovery::sweep_hosts(networks);
}

Task<Result<Peer>> find_target(const Node& node, DiscoveryService& discovery, std::string target,
                               Duration timeout, const Interrupt& interrupt) {
  const auto spec = discovery::parse_target_spec(target);
  if (!spec) co_return spec.error();
  if (const auto* address = std::get_if<AddressTarget>(&*spec)) {
    auto peer = co_await probe_host(node, *address);
    co_return peer;
  }
  const auto* name = std::get_if<NameTarget>(&*spec);
  if (!name || !name->port) {
    const auto until = Clock::now() + timeout;
    auto heard = co_await wait_for(discovery, *spec, until, interrupt);
    auto device = provable(*spec, std::move(heard));
    if (device) {
      auto peer = co_await settle_scheme(node, peer_of(*device));
      co_return peer;
    }
    if (device.error().code() != Errc::not_found) co_return device.error();
  }
  if (name) {
    AddressTarget host;
    host.host = name->name;
    host.port = name->port;
    auto peer = co_await probe_host(node, host);
    if (peer || peer.error().code() != Errc::not_found) co_return peer;
    if (name->port) co_return nobody(target);
  }
  co_await sweep_for(node, discovery, *spec, interrupt);
  if (interrupt.requested()) co_return interrupt.error();
  auto device = provable(*spec, match(discovery, *spec));
  if (device) {
    auto peer = co_await settle_scheme(node, peer_of(*device));
    co_return peer;
  }
  if (device.error().code() != Errc::not_found) co_return device.error();
  co_return nobody(target);
}

}  // namespace lsend::app
