#include "lib/app/known_calls.hpp"

#include <algorithm>

namespace lsend::app {

namespace {

constexpr std::size_t kMostDevices = 256;
constexpr std::size_t kParallel = 32;

/// In the list of what abort() ends.
class Listed {
 public:
  Listed(std::vector<net::Connecting*>& list, net::Connecting* entry) : list_(list), entry_(entry) {
    list_.push_back(entry_);
  }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;
  ~Listed() { std::erase(list_, entry_); }

 private:
  std::vector<net::Connecting*>& list_;
  net::Connecting* entry_;
};

}  // namespace

KnownCalls::KnownCalls(Executor executor, const Node& node, DiscoveryService& discovery)
    : node_(node), discovery_(discovery), tasks_(executor) {}

void KnownCalls::call(const identity::KnownDevice& device) {
  for (const auto& endpoint : device.endpoints)
    tasks_.spawn(
        make(Call{device.fingerprint, device.alias, endpoint}, node_.settings.connect_timeout));
}

void KnownCalls::call_all(const identity::KnownDevices& known, Duration limit) {
  std::vector<const identity::KnownDevice*> devices;
  for (const auto& device : known.all())
    if (device.state != identity::TrustState::blocked && !device.endpoints.empty())
      devices.push_back(&device);
  std::sort(devices.begin(), devices.end(),
            [](const auto* a, const auto* b) { return a->last_seen > b->last_seen; });
  devices.resize(std::min(devices.size(), kMostDevices));
  for (auto device = devices.rbegin(); device != devices.rend(); ++device)
    waiting_.push_back(
        Call{(*device)->fingerprint, (*device)->alias, (*device)->endpoints.front()});
  for (std::size_t i = 0; i < std::min(kParallel, devices.size()); ++i) tasks_.spawn(work(limit));
}

void KnownCalls::challenge(const Fingerprint& fingerprint, const Endpoint& endpoint,
                           Duration limit) {
  if (!aborted_) tasks_.spawn(make(Call{fingerprint, std::string(), endpoint}, limit));
}

void KnownCalls::abort() {
  aborted_ = true;
  for (auto* running : running_)
    if (running->abort) running->abort();
}

Task<> KnownCalls::join() { return tasks_.join(); }

Task<> KnownCalls::work(Duration limit) {
  while (!waiting_.empty() && !aborted_) {
    auto call = std::move(waiting_.back());
    waiting_.pop_back();
    co_await make(std::move(call), limit);
  }
}

Task<> KnownCalls::make(Call call, Duration limit) {
  if (aborted_) co_return;
  net::Connecting connecting;
  ProbeRequest request(call.endpoint.host, call.endpoint.port);
  request.scheme = Scheme::https;
  request.pins.push_back(call.fingerprint);
  request.limit = limit;
  request.tell_http = true;
  request.connecting = &connecting;
  const Listed listed(running_, &connecting);
  const auto peer = co_await probe(node_, std::move(request));
  const auto failure = peer ? Errc::cancelled : peer.error().code();
  if (failure == Errc::plain_http) speaks_http_ = true;
  if (failure == Errc::identity && !stranger_) stranger_ = peer.error();
  if (!peer || aborted_) co_return;
  auto info = peer->info;
  if (peer->nameless && !call.alias.empty()) info.alias = call.alias;
  info.fingerprint = call.fingerprint;
  discovery_.heard(info, peer->endpoint, true);
}

}  // namespace lsend::app
