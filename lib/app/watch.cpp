#include "lib/app/watch.hpp"

namespace lsend::app {

namespace {

using discovery::Device;
using discovery::Vigil;

constexpr Duration kLook = std::chrono::seconds(1);
constexpr Duration kCallLimit = std::chrono::seconds(2);

/// Is it who we knew there? v1 proves nothing and names nobody (protocol.md 1.2).
bool is_same(const Peer& peer, const Device& device) {
  if (device.info.version.is_v1()) return true;
  return peer.info.fingerprint == device.info.fingerprint;
}

}  // namespace

Watch::Watch(Executor executor, const Node& node, DiscoveryService& discovery, Lost lost)
    : node_(node),
      discovery_(discovery),
      lost_(std::move(lost)),
      vigil_(DiscoveryService::announces_every()),
      looking_(executor),
      calls_(executor) {}

void Watch::start() { looking_.spawn(look()); }

void Watch::stop() {
  call_off_.stop(fail(Errc::cancelled, "the watch is over"));
  looking_.cancel();
}

Task<> Watch::join() {
  co_await looking_.join();
  co_await calls_.join();
}

Task<> Watch::look() {
  while (!call_off_.stopped()) {
    const bool slept = co_await net::sleep_for(kLook);
    if (slept) look_once();
  }
}

void Watch::look_once() {
  const auto now = Clock::now();
  const auto devices = discovery_.table().devices();
  for (auto& task : vigil_.due(devices, now)) {
    // What was only announced may be anybody's place; where a device has proven itself is its own.
    const bool proven = task.device.verified && task.endpoint == task.device.endpoints.front();
    if (proven || discovery_.may_call(task.endpoint))
      calls_.spawn(call(std::move(task)));
    else
      vigil_.ended(task.device, Vigil::Call::silent);
  }
  for (const auto& device : devices) {
    if (!vigil_.lost(device, now)) continue;
    discovery_.forget(device);
    lost_(device);
  }
}

Task<> Watch::call(Vigil::Task task) {
  net::Connecting connecting;
  const auto opening = call_off_.opening(connecting);
  ProbeRequest request(task.endpoint.host, task.endpoint.port);
  request.scheme = task.endpoint.scheme;
  if (task.device.verified) request.pins.push_back(task.device.info.fingerprint);
  request.limit = kCallLimit;
  request.connecting = &connecting;
  const auto began = Clock::now();
  const auto peer = co_await probe(node_, std::move(request));
  if (call_off_.stopped()) co_return;
  if (peer && is_same(*peer, task.device)) {
    discovery_.reached(task.device);
    vigil_.ended(task.device, Vigil::Call::answered);
    co_return;
  }
  // A host that drops packets fails in the same way, but late.
  const bool at_once = Clock::now() - began < kCallLimit / 2;
  const bool refused = !peer && peer.error().code() == Errc::unreachable && at_once;
  vigil_.ended(task.device, refused ? Vigil::Call::refused : Vigil::Call::silent);
}

}  // namespace lsend::app
