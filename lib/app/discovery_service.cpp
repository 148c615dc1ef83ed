#include "lib/app/discovery_service.hpp"

#include <algorithm>
#include <iterator>

#include "lsend/model/log.hpp"
#include "lsend/model/text.hpp"
#include "lsend/net/interface_choice.hpp"
#include "lsend/protocol/codec.hpp"

namespace lsend::app {

namespace {

constexpr Duration kAnnounceEvery = std::chrono::seconds(60);
constexpr Duration kLookAtInterfaces = std::chrono::seconds(5);
constexpr Duration kLookForAwaited = std::chrono::seconds(1);
constexpr Duration kLookAtOwn = std::chrono::seconds(1);
constexpr Duration kAnswerLimit = std::chrono::seconds(2);
constexpr double kDatagramsPerSecond = 50;
constexpr std::uint16_t kFirstUnprivilegedPort = 1024;
constexpr std::size_t kMostWarnings = 64;
constexpr std::size_t kMostCopies = 8;

/// Strikes a device off the list of those whose answer is to come.
class Answering {
 public:
  Answering(std::vector<Fingerprint>& list, Fingerprint device)
      : list_(list), device_(std::move(device)) {}
  Answering(const Answering&) = delete;
  Answering& operator=(const Answering&) = delete;
  ~Answering() {
    const auto place = std::find(list_.begin(), list_.end(), device_);
    if (place != list_.end()) list_.erase(place);
  }

 private:
  std::vector<Fingerprint>& list_;
  Fingerprint device_;
};

std::string called(const std::string& alias, const std::string& host) {
  return "'" + escape_for_terminal(alias, 64) + "' at " + host;
}

}  // namespace

DiscoveryService::DiscoveryService(Executor executor, const Node& node, std::size_t capacity,
                                   DeviceChanged changed, Warn warn)
    : executor_(executor),
      node_(node),
      table_(capacity, node.self.fingerprint),
      changed_(std::move(changed)),
      warn_(std::move(warn)),
      parsed_(kDatagramsPerSecond, kDatagramsPerSecond, Clock::now()),
      answers_(Clock::now()),
      schedule_(Clock::now(), kAnnounceEvery),
      tasks_(executor) {}

Result<> DiscoveryService::start(Networks networks, Visible visible) {
  visible_ = visible == Visible::yes;
  const auto& settings = node_.settings;
  auto multicast =
      net::Multicast::make(executor_, settings.multicast_groups, settings.multicast_port,
                           [this](const net::Datagram& datagram) {
                             if (!parsed_.take(Clock::now())) {
                               ++dropped_.too_many;
                               return false;
                             }
                             on_datagram(datagram);
                             return true;
                           });
  if (!multicast) return multicast.error();
  multicast_ = std::move(*multicast);
  if (!networks.lacks.empty()) warn(networks.lacks);
  for (const auto& awaited : networks.awaited)
    warn("interface '" + awaited +
         "' has no address now: this device can be reached there as soon as it has one");
  const bool waits = !networks.awaited.empty();
  use(std::move(networks));
  if (visible_ && !waits && multicast_->sockets() == 0)
    warn("no network interface can multicast: devices are found by address or --scan only");
  return {};
}

void DiscoveryService::warn(const std::string& message) const {
  if (warn_) warn_(message);
}

void DiscoveryService::warn_once(const std::string& message) {
  if (warned_.size() >= kMostWarnings ||
      std::find(warned_.begin(), warned_.end(), message) != warned_.end())
    return;
  warned_.push_back(message);
  warn(message);
}

/// Each once, and again when it has been away.
void DiscoveryService::tell_problems(std::vector<std::string> problems) {
  for (const auto& problem : problems)
    if (std::find(problems_.begin(), problems_.end(), problem) == problems_.end()) warn(problem);
  problems_ = std::move(problems);
}

void DiscoveryService::use(Networks networks) {
  networks_ = std::move(networks);
  know_own(networks_.all);
  std::vector<std::string> problems;
  if (server_ && !node_.settings.interfaces.empty())
    problems = server_->listen_at(addresses_of(networks_.chosen));
  if (visible_) {
    auto update = multicast_->update(networks_.chosen);
    std::move(update.problems.begin(), update.problems.end(), std::back_inserter(problems));
    if (update.changed) schedule_.restart(Clock::now());
  }
  tell_problems(std::move(problems));
}

void DiscoveryService::know_own(const std::vector<net::Interface>& all) {
  own_addresses_ = addresses_of(all);
  looked_ = Clock::now();
  std::erase_if(copies_, [this](const auto& copy) {
    const auto& host = copy.endpoints.front().host;
    return std::find(own_addresses_.begin(), own_addresses_.end(), host) != own_addresses_.end();
  });
}

/// An address may be newer than the last look.
bool DiscoveryService::is_own(const std::string& host) {
  const auto known = [&] {
    return std::find(own_addresses_.begin(), own_addresses_.end(), host) != own_addresses_.end();
  };
  if (known() || Clock::now() - looked_ < kLookAtOwn) return known();
  const auto list = net::list_interfaces();
  // A list that cannot be had is not asked for again and again.
  if (list)
    know_own(list->interfaces);
  else
    looked_ = Clock::now();
  return known();
}

/// A wrong --interface is the user's error at the start and an interface that has gone away later.
void DiscoveryService::look_again() {
  auto list = net::list_interfaces();
  if (!list) return;
  Networks networks;
  auto choice = net::choose_interfaces(list->interfaces, node_.settings.interfaces);
  networks.all = std::move(list->interfaces);
  networks.lacks = std::move(list->lacks);
  networks.chosen = std::move(choice.interfaces);
  networks.awaited = std::move(choice.missing);
  use(std::move(networks));
}

Task<> DiscoveryService::run() {
  if (visible_) tasks_.spawn(announce_loop());
  tasks_.spawn(interface_loop());
  co_await tasks_.join();
  co_await multicast_->join();
}

void DiscoveryService::stop() {
  if (running_ && dropped_.malformed + dropped_.too_many > 0)
    log(LogLevel::info, "dropped datagrams: " + std::to_string(dropped_.malformed) +
                            " malformed, " + std::to_string(dropped_.too_many) + " too many");
  running_ = false;
  if (multicast_) multicast_->stop();
  tasks_.cancel();
}

Task<> DiscoveryService::announce_loop() {
  // Looks at the schedule often enough to notice that a new interface restarted it.
  constexpr Duration kStep{100};
  while (running_) {
    const auto now = Clock::now();
    if (schedule_.next() <= now) {
      send_announcement(true);
      schedule_.advance(now);
      continue;
    }
    const auto wait = std::chrono::ceil<Duration>(schedule_.next() - now);
    co_await net::sleep_for(wait < kStep * 10 ? wait : kStep * 10);
  }
}

Task<> DiscoveryService::interface_loop() {
  while (running_) {
    const bool slept =
        co_await net::sleep_for(networks_.awaited.empty() ? kLookAtInterfaces : kLookForAwaited);
    if (slept && running_) look_again();
  }
}

void DiscoveryService::send_announcement(bool wants_answer) {
  Announcement announcement;
  announcement.device = node_.self;
  announcement.wants_answer = wants_answer;
  multicast_->send(protocol::encode_announcement(announcement));
}

void DiscoveryService::heard(const DeviceInfo& info, const Endpoint& from, bool verified) {
  const auto now = Clock::now();
  if (info.fingerprint == node_.self.fingerprint) {
    note_copy(info, from);
    return;
  }
  if (const auto original = table_.original_of(info, from, now))
    warn_once("two devices use one certificate, so one of them is a copy or lies: " +
              called(original->info.alias, original->endpoints.front().host) + " and " +
              called(info.alias, from.host));
  const auto change = table_.update(info, from, verified, now);
  if (change != discovery::DeviceTable::Change::unchanged)
    log(LogLevel::debug, from.host + ": " + escape_for_terminal(info.alias) + " on port " +
                             std::to_string(from.port) + (verified ? ", proven" : ""));
  if (change == discovery::DeviceTable::Change::unchanged || !changed_) return;
  // Devices without a fingerprint are keyed by address: found by walking.
  const auto devices = table_.devices();
  for (const auto& device : devices) {
    const bool same = info.fingerprint.empty()
                          ? std::find(device.endpoints.begin(), device.endpoints.end(), from) !=
                                device.endpoints.end()
                          : device.info.fingerprint == info.fingerprint;
    if (!same) continue;
    changed_(change, device);
    return;
  }
}

/// Our own announcements come back to us; those of another host come from a copy of our identity.
void DiscoveryService::note_copy(const DeviceInfo& info, const Endpoint& from) {
  if (copies_.size() >= kMostCopies) return;
  const auto at_it = [&](const discovery::Device& copy) {
    return copy.endpoints.front().host == from.host;
  };
  if (std::any_of(copies_.begin(), copies_.end(), at_it) || is_own(from.host)) return;
  auto& copy = copies_.emplace_back();
  copy.info = info;
  copy.endpoints.push_back(from);
  warn_once("another device announces this one's certificate: " + called(info.alias, from.host) +
            "; if its disk was copied from this one, give one of them a new identity: remove "
            "'identity.pem' from its home folder");
}

/// Only hosts of our own networks are ever called back, and programs of this host, whose datagrams
/// may carry another interface's address than the one they came by.
bool DiscoveryService::is_near(const std::string& host) const {
  return net::directly_connected(networks_.chosen, host) ||
         std::find(own_addresses_.begin(), own_addresses_.end(), host) != own_addresses_.end();
}

void DiscoveryService::on_datagram(const net::Datagram& datagram) {
  const auto now = Clock::now();
  if (!running_) return;
  const auto announcement = protocol::decode_announcement(datagram.text, node_.defaults());
  if (!announcement) {
    ++dropped_.malformed;
    return;
  }
  Peer peer;
  peer.info = announcement->device;
  peer.endpoint.scheme = peer.info.protocol;
  peer.endpoint.host = datagram.from.str();
  peer.endpoint.port = peer.info.port;
  if (peer.info.fingerprint == node_.self.fingerprint) {
    note_copy(peer.info, peer.endpoint);
    return;
  }
  // The reply must show the announced fingerprint; v1 certificates say nothing (protocol.md 1.2).
  if (!peer.info.version.is_v1() && peer.info.fingerprint.is_sha256())
    peer.pin = peer.info.fingerprint;
  const bool may_answer =
      announcement->wants_answer && may_call(peer.endpoint) && answers_.allow(datagram.from, now);
  // Whoever hears of the device wants to know whether there is more to come.
  if (may_answer) answering_.push_back(peer.info.fingerprint);
  heard(peer.info, peer.endpoint, false);
  if (may_answer) tasks_.spawn(answer(std::move(peer)));
}

bool DiscoveryService::is_answering(const Fingerprint& fingerprint) const {
  return std::find(answering_.begin(), answering_.end(), fingerprint) != answering_.end();
}

bool DiscoveryService::may_call(const Endpoint& endpoint) const {
  return endpoint.port >= kFirstUnprivilegedPort && is_near(endpoint.host);
}

Duration DiscoveryService::announces_every() { return kAnnounceEvery; }

/// One register, no retries; peers up to 1.17 also read an answer by UDP (protocol.md 2.2).
Task<> DiscoveryService::answer(Peer peer) {
  const Answering answering(answering_, peer.info.fingerprint);
  const auto registered = co_await register_at(node_, peer, kAnswerLimit);
  if (!running_) co_return;
  if (!registered) {
    send_announcement(false);
    co_return;
  }
  const bool verified = registered->proven && *registered->proven == registered->info.fingerprint;
  heard(registered->info, registered->endpoint, verified);
}

}  // namespace lsend::app
