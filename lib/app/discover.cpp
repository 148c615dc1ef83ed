#include "lsend/app/discover.hpp"

#include <algorithm>
#include <unordered_set>

#include "lib/app/find_target.hpp"
#include "lib/app/known_calls.hpp"
#include "lib/app/presence.hpp"
#include "lib/app/runtime.hpp"
#include "lib/app/sweep.hpp"
#include "lib/app/watch.hpp"
#include "lsend/app/known_store.hpp"
#include "lsend/discovery/subnet_plan.hpp"
#include "lsend/discovery/target.hpp"

namespace lsend::app {

namespace {

constexpr Duration kLook{20};
constexpr Duration kCallLimit = std::chrono::seconds(1);
constexpr std::size_t kMostChallenges = 64;
/// What is underway when time is up.
constexpr Duration kLastAnswers = std::chrono::seconds(1);
/// Multicast has had its chance after this; then the sweep may start (protocol.md 2.3).
constexpr Duration kBeforeSweep = std::chrono::seconds(1);

class Discoverer {
 public:
  Discoverer(Executor executor, Interrupt& interrupt, Node node, identity::KnownDevices known,
             const DiscoverOptions& options, ProgressSink& sink)
      : interrupt_(interrupt),
        options_(options),
        sink_(sink),
        known_(std::move(known)),
        presence_(
            executor, std::move(node),
            [this](discovery::DeviceTable::Change change, const discovery::Device& device) {
              tell(change, device);
            },
            [this](const std::string& message) { sink_.on(WarningEvent{message}); }),
        calls_(executor, presence_.node(), presence_.discovery()),
        watch_(executor, presence_.node(), presence_.discovery(),
               [this](const discovery::Device& device) { lose(device); }),
        sweeps_(executor) {}

  Task<Result<DiscoverReport>> run() {
    auto opened = presence_.open();
    if (!opened) co_return opened.error();
    auto hosts = hosts_to_sweep();
    const Interrupt::Subscription on_stop(interrupt_, [this] { done_ = true; });
    if (hosts) {
      if (options_.scan != ScanMode::never) calls_.call_all(known_, kCallLimit);
      sweeps_.spawn(sweep(std::move(*hosts)));
      if (options_.watch) watch_.start();
      co_await wait();
    }
    done_ = true;
    tell_rest();
    watch_.stop();
    co_await watch_.join();
    calls_.abort();
    co_await calls_.join();
    sweeps_.cancel();
    co_await sweeps_.join();
    co_await presence_.close();
    if (!hosts) co_return hosts.error();
    co_return outcome();
  }

 private:
  Task<> wait() {
    const auto until = options_.watch ? TimePoint::max() : Clock::now() + options_.timeout;
    while (!done_) {
      tell_answered();
      const bool enough = options_.count > 0 && told() >= options_.count;
      if (enough && !options_.watch) co_return;
      if (!options_.watch && time_is_up(until)) co_return;
      co_await net::sleep_for(kLook);
    }
  }

  /// A sweep that has begun is seen to its end, which is a near one where nobody asked for it.
  bool time_is_up(TimePoint until) const {
    const auto now = Clock::now();
    const bool answers = presence_.discovery().is_answering() && now < until + kLastAnswers;
    return now >= until && !sweeping_ && !answers;
  }

  Result<std::vector<std::string>> hosts_to_sweep() const {
    if (options_.scan == ScanMode::never) return std::vector<std::string>();
    if (options_.scan_cidr.empty()) return hosts_around(presence_.discovery().networks().chosen);
    std::vector<std::uint32_t> own;
    for (const auto& interface : presence_.discovery().networks().all)
      for (const auto& address : interface.addresses)
        if (!address.v6) own.push_back(address.v4);
    return discovery::sweep_cidr(options_.scan_cidr, own);
  }

  /// Starts at once where it was asked for, else when multicast found nobody.
  Task<> sweep(std::vector<std::string> hosts) {
    if (options_.scan == ScanMode::automatic) {
      co_await net::sleep_for(kBeforeSweep);
      if (done_ || presence_.discovery().table().size() > 0) co_return;
    }
    sweeping_ = true;
    PeerFound found = [this](const Peer& peer) {
      presence_.discovery().heard(peer.info, peer.endpoint,
                                  peer.proven && *peer.proven == peer.info.fingerprint);
    };
    std::function<bool()> stopped = [this] { return done_; };
    const auto limit = options_.scan == ScanMode::always ? Duration::max() : kLongestSweep;
    co_await sweep_network(presence_.node(), std::move(hosts), kDefaultPort, std::move(found),
                           std::move(stopped), limit);
    sweeping_ = false;
  }

  void tell(discovery::DeviceTable::Change change, const discovery::Device& device) {
    if (!discovery::matches(device, options_.pattern)) return;
    if (must_prove(device) || is_to_answer(device)) return;
    const bool first =
        change == discovery::DeviceTable::Change::added || held_.erase(device.info.fingerprint) > 0;
    sink_.on(event_of(device, first ? DeviceEvent::Kind::found : DeviceEvent::Kind::updated));
  }

  DeviceEvent event_of(const discovery::Device& device, DeviceEvent::Kind kind) const {
    DeviceEvent event;
    event.kind = kind;
    event.device = device;
    const auto& print = device.info.fingerprint;
    const bool only_claims = !device.verified && known_.find(print);
    if (!only_claims)
      event.standing = known_.standing(device.verified ? print : Fingerprint(), device.info.alias,
                                       device.endpoints.front());
    return event;
  }

  /// Anybody can announce a known fingerprint: until it is proven, or time is up, it is not told.
  bool must_prove(const discovery::Device& device) {
    const auto& print = device.info.fingerprint;
    if (device.verified || done_ || !known_.find(print)) return false;
    held_.insert(print);
    const auto& claimed = device.endpoints.front();
    const bool news = challenged_.size() < kMostChallenges && claimed.scheme == Scheme::https &&
                      challenged_.insert(claimed.url()).second;
    if (news) calls_.challenge(print, claimed, kCallLimit);
    return true;
  }

  /// The datagram that all versions read leaves out what the answer by HTTPS says; a list has each
  /// device once, so it waits for that. A watch tells the change.
  bool is_to_answer(const discovery::Device& device) {
    const auto& print = device.info.fingerprint;
    const bool wait =
        !options_.watch && !device.verified && !done_ && presence_.discovery().is_answering(print);
    if (wait) held_.insert(print);
    return wait;
  }

  /// Those whose answer has come to nothing.
  void tell_answered() {
    const auto& discovery = presence_.discovery();
    tell_held([&](const Fingerprint& print) {
      return !known_.find(print) && !discovery.is_answering(print);
    });
  }

  void tell_rest() {
    tell_held([](const Fingerprint&) { return true; });
  }

  template <class Which>
  void tell_held(Which which) {
    if (held_.empty()) return;
    const auto devices = presence_.discovery().table().devices();
    for (const auto& device : devices) {
      const auto& print = device.info.fingerprint;
      if (held_.count(print) == 0 || !which(print)) continue;
      held_.erase(print);
      sink_.on(event_of(device, DeviceEvent::Kind::found));
    }
  }

  void lose(const discovery::Device& device) {
    for (const auto& endpoint : device.endpoints) challenged_.erase(endpoint.url());
    const bool untold = held_.erase(device.info.fingerprint) > 0;
    if (untold || !discovery::matches(device, options_.pattern)) return;
    sink_.on(event_of(device, DeviceEvent::Kind::lost));
  }

  /// How many that match need not wait for an answer any more.
  std::size_t told() const {
    const auto devices = matching();
    return static_cast<std::size_t>(
        std::count_if(devices.begin(), devices.end(), [&](const discovery::Device& device) {
          return !presence_.discovery().is_answering(device.info.fingerprint) || device.verified;
        }));
  }

  std::vector<discovery::Device> matching() const {
    auto devices = presence_.discovery().table().devices();
    std::erase_if(devices, [&](const discovery::Device& device) {
      return !discovery::matches(device, options_.pattern);
    });
    return devices;
  }

  Result<DiscoverReport> outcome() const {
    if (interrupt_.requested() && !options_.watch) return interrupt_.error();
    DiscoverReport report;
    for (const auto& device : matching())
      report.devices.push_back(event_of(device, DeviceEvent::Kind::found));
    report.evicted = presence_.discovery().table().evicted();
    report.known = presence_.discovery().table().size();
    if (options_.count > 0 && report.devices.size() < options_.count)
      return fail(Errc::not_found, std::to_string(report.devices.size()) + " of " +
                                       std::to_string(options_.count) +
                                       " devices answered in time");
    return report;
  }

  Interrupt& interrupt_;
  const DiscoverOptions& options_;
  ProgressSink& sink_;
  identity::KnownDevices known_;
  std::unordered_set<Fingerprint> held_;  ///< claimed and not told yet
  std::unordered_set<std::string> challenged_;
  Presence<ApiHandler> presence_;
  KnownCalls calls_;
  Watch watch_;
  net::TaskGroup sweeps_;
  bool done_ = false;
  bool sweeping_ = false;
};

}  // namespace

Result<DiscoverReport> discover(const Settings& settings, const DiscoverOptions& options,
                                ProgressSink& sink) {
  auto node = Node::make_for_now(settings, sink);
  if (!node) return node.error();
  auto known = settings.home.nowhere() ? identity::KnownDevices() : load_known(settings.home);
  if (!known && !node->for_now) sink.on(WarningEvent{known.error().message()});
  Runtime runtime(&sink);
  Discoverer discoverer(runtime.executor(), runtime.interrupt(), std::move(*node),
                        known ? std::move(*known) : identity::KnownDevices(), options, sink);
  return runtime.run(discoverer.run());
}

}  // namespace lsend::app
