#include "lib/app/find_target.hpp"

#include <optional>
#include <exception>
#include <algorithm>

#include "lib/app/known_calls.hpp"
#include "lib/app/sweep.hpp"
#include "lsend/discovery/target.hpp"
#include "lsend/identity/trust.hpp"
#include "lsend/model/text.hpp"

namespace lsend::app {

namespace {

using discovery::AddressTarget;
using discovery::Device;
using discovery::FingerprintTarget;
using discovery::NameTarget;
using identity::KnownDevice;
using identity::KnownDevices;

constexpr Duration kLook{10};
// A second device of the same name has to have its chance to answer.
constexpr Duration kSettle{400};
constexpr const char* kByHttp = "would be spoken to by plain HTTP";

Peer peer_of(const Device& device) {
  Peer peer;
  peer.info = device.info;
  peer.endpoint = device.endpoints.front();
  const bool provable = !device.info.version.is_v1() && device.info.fingerprint.is_sha256();
  if (peer.endpoint.scheme == Scheme::https && provable) peer.pin = device.info.fingerprint;
  if (device.verified && peer.pin) peer.proven = peer.pin;
  return peer;
}

/// Does it say by itself how it is meant, so that no alias can?
bool is_explicit(const discovery::TargetSpec& spec) {
  const auto* address = std::get_if<AddressTarget>(&spec);
  return std::holds_alternative<FingerprintTarget>(spec) || (address && address->scheme);
}

/// The known device that the user means: by fingerprint, by the name of a trusted one, else by the
/// name of one that was only seen.
Result<const KnownDevice*> known_target(const KnownDevices& known, const std::string& target,
                                        const Result<discovery::TargetSpec>& spec) {
  std::vector<const KnownDevice*> found;
  if (spec && is_explicit(*spec)) {
    const auto* print = std::get_if<FingerprintTarget>(&*spec);
    if (print) found = known.by_fingerprint(print->prefix);
  } else {
    found = known.by_name(target);
    const auto trusted = [](const auto* device) {
      return device->state == identity::TrustState::trusted;
    };
    const bool any_trusted = std::any_of(found.begin(), found.end(), trusted);
    const bool may_be_seen = spec && std::holds_alternative<NameTarget>(*spec);
    std::erase_if(found, [&](const auto* device) {
      return any_trusted ? !trusted(device)
                         : !may_be_seen || device->state == identity::TrustState::blocked;
    });
  }
  if (found.empty()) return static_cast<const KnownDevice*>(nullptr);
  return identity::choose(found, target);
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

/// One search from its TARGET to a device.
class Finder {
 public:
  Finder(const Node& node, DiscoveryService& discovery, const Search& search,
         const Interrupt& interrupt, KnownCalls& calls)
      : node_(node), discovery_(discovery), search_(search), interrupt_(interrupt), calls_(calls) {}

  Task<Result<Peer>> run() {
    auto spec = discovery::parse_target_spec(search_.target);
    const auto known = known_target(search_.known, search_.target, spec);
    if (!known) co_return known.error();
    wanted_ = *known;
    if (!wanted_ && !spec) co_return spec.error();
    if (const auto* name = spec ? std::get_if<NameTarget>(&*spec) : nullptr) name_ = *name;
    if (wanted_) {
      const bool is_blocked = wanted_->state == identity::TrustState::blocked;
      if (is_blocked && search_.guard_addresses) co_return identity::blocked(*wanted_);
      if (node_.settings.http) co_return identity::downgrade(*wanted_, kByHttp);
      spec_ = FingerprintTarget{wanted_->fingerprint.str()};
      calls_.call(*wanted_);
    } else {
      spec_ = *spec;
    }
    if (const auto* address = std::get_if<AddressTarget>(&spec_)) {
      auto peer = co_await probe_host(*address);
      co_return peer;
    }
    auto peer = co_await look();
    co_return peer;
  }

 private:
  Task<Result<Peer>> look() {
    if (!name_ || !name_->port) {
      auto device = co_await wait_for_it(Clock::now() + search_.timeout);
      if (device || device.error().code() != Errc::not_found) {
        auto peer = co_await use(std::move(device));
        co_return peer;
      }
    }
    if (name_) {
      AddressTarget host;
      host.host = name_->name;
      host.port = name_->port;
      auto peer = co_await probe_host(host);
      if (peer || peer.error().code() != Errc::not_found) co_return peer;
      if (name_->port) co_return nobody();
    }
    if (auto other = namesake()) co_return *other;
    co_await sweep();
    if (interrupt_.requested()) co_return interrupt_.error();
    auto device = match();
    if (!device && device.error().code() == Errc::not_found) co_return nobody();
    auto peer = co_await use(std::move(device));
    co_return peer;
  }

  /// Among the devices that were heard of; of a name, those that may be it.
  Result<Device> match() const {
    auto devices = discovery_.table().devices();
    if (const auto* print = std::get_if<FingerprintTarget>(&spec_))
      return discovery::find_by_fingerprint(devices, print->prefix);
    if (!search_.only.empty())
      std::erase_if(devices, [this](const Device& device) {
        return device.info.fingerprint.is_sha256() && !fits(device.info.fingerprint);
      });
    return discovery::find_by_name(devices, std::get<NameTarget>(spec_).name);
  }

  /// Somebody vouches for it: it is known, or the user demands it.
  bool is_named(const Fingerprint& fingerprint) const {
    const auto* print = std::get_if<FingerprintTarget>(&spec_);
    return wanted_ || !search_.only.empty() || (print && print->prefix == fingerprint.str());
  }

  bool fits(const Fingerprint& fingerprint) const {
    return search_.only.empty() ||
           std::find(search_.only.begin(), search_.only.end(), fingerprint) != search_.only.end();
  }

  /// Waits for the network to name the device. A whole fingerprint that was proven leaves no doubt.
  Task<Result<Device>> wait_for_it(TimePoint until) const {
    TimePoint settled = TimePoint::max();
    while (!interrupt_.requested()) {
      auto found = match();
      const auto now = Clock::now();
      if (found && settled == TimePoint::max()) settled = now + kSettle;
      const bool sure = found && wanted_ && found->verified;
      if (sure || now >= until || (found && now >= settled)) co_return found;
      co_await net::sleep_for(kLook);
    }
    co_return interrupt_.error();
  }

  Task<Result<Peer>> use(Result<Device> device) const {
    if (!device) co_return device.error();
    auto peer = peer_of(*device);
    // A fingerprint is proved by TLS only: a device that does without cannot be named by it.
    const bool by_print = std::holds_alternative<FingerprintTarget>(spec_);
    if (wanted_ && !peer.pin)
      co_return identity::without_https(*wanted_, "announces itself without HTTPS");
    if (by_print && !peer.pin)
      co_return fail(Errc::identity,
                     "a device that claims this fingerprint, '" +
                         escape_for_terminal(device->info.alias, 64) +
                         "', does not speak HTTPS and cannot prove it; name it by address if you "
                         "trust the network");
    if (!search_.only.empty() && (!peer.pin || !fits(*peer.pin)))
      co_return fail(Errc::identity, display_name(peer) +
                                         " has none of the fingerprints that --fingerprint "
                                         "demands; nothing was sent");
    peer.pin_is_claim = peer.pin && !is_named(*peer.pin);
    auto settled = co_await settle_scheme(node_, std::move(peer));
    co_return settled;
  }

  /// The first of a host's addresses that answers.
  Task<Result<Peer>> probe_host(const AddressTarget& target) const {
    const auto limit = node_.settings.connect_timeout;
    std::function<bool()> stopped = [this] { return interrupt_.requested(); };
    const auto addresses = co_await net::resolve_host(target.host, limit, std::move(stopped));
    if (!addresses) co_return addresses.error();
    Error why = fail(Errc::not_found, "'" + target.host + "' has no address");
    for (const auto& address : *addresses) {
      auto peer = co_await probe_address(target, address);
      if (peer) peer->pin = peer->proven ? peer->proven : peer->pin;
      if (peer) peer->named_by_address = true;
      if (peer) co_return peer;
      // Who answers wrongly says more than nobody, and the first address more than the others.
      const bool nobody = why.code() == Errc::unreachable || why.code() == Errc::not_found;
      const bool says_more = peer.error().code() != Errc::unreachable;
      if (why.code() == Errc::not_found || (nobody && says_more)) why = peer.error();
    }
    co_return why;
  }

  Task<Result<Peer>> probe_address(const AddressTarget& target, const std::string& address) const {
    ProbeRequest request(address, target.port.value_or(kDefaultPort));
    request.scheme = target.scheme;
    request.limit = node_.settings.connect_timeout;
    request.pins = search_.only;
    const auto* owner = wanted_ ? wanted_ : owner_of(request.host, request.port);
    if (owner && request.pins.empty()) request.pins.push_back(owner->fingerprint);
    request.tell_http = owner != nullptr;
    const auto pins = request.pins;
    const bool plain = target.scheme == Scheme::http || node_.settings.http;
    if (owner && plain) co_return identity::downgrade(*owner, kByHttp);
    auto peer = co_await probe(node_, std::move(request));
    // A certificate whose dates are wrong is no identity by itself; demanded, it may be one.
    if (peer && pins.size() == 1) peer->pin = pins.front();
    if (peer && pins.size() > 1 && !peer->proven)
      co_return fail(Errc::identity, "the certificate of " + display_name(*peer) +
                                         " is not valid now; name it alone by --fingerprint");
    if (peer || !owner) co_return peer;
    const auto code = peer.error().code();
    if (code == Errc::plain_http)
      co_return identity::without_https(*owner, "answers at " + address + " without HTTPS");
    if (code != Errc::identity) co_return peer;
    co_return identity::impostor(*owner, "at " + address + " the " + peer.error().message());
  }

  const KnownDevice* owner_of(const std::string& host, std::uint16_t port) const {
    if (!search_.guard_addresses || !search_.only.empty()) return nullptr;
    const auto* owner = search_.known.at(host, port);
    return owner && owner->state != identity::TrustState::blocked ? owner : nullptr;
  }

  Task<> sweep() {
    auto hosts = hosts_around(discovery_.networks().chosen);
    PeerFound found = [this](const Peer& peer) {
      discovery_.heard(peer.info, peer.endpoint,
                       peer.proven && *peer.proven == peer.info.fingerprint);
    };
    std::function<bool()> stopped = [this] {
      return interrupt_.requested() || match().has_value();
    };
    co_await sweep_network(node_, std::move(hosts), kDefaultPort, std::move(found),
                           std::move(stopped), kLongestSweep);
  }

  /// Another device has the name of the known one.
  std::optional<Error> namesake() const {
    if (!wanted_ || !name_) return std::nullopt;
    const auto called = discovery::find_by_name(discovery_.table().devices(), name_->name);
    if (!called) return std::nullopt;
    return identity::impostor(
        *wanted_, "only another device of that name answers, " + display_name(peer_of(*called)));
  }

  Error nobody() const {
    if (auto other = namesake()) return *other;
    if (wanted_ && calls_.speaks_http())
      return identity::without_https(*wanted_, "answers where it was without HTTPS");
    if (auto copy = copy_of_us()) return *copy;
    if (wanted_ && calls_.stranger() && search_.suspicion)
      *search_.suspicion =
          identity::impostor(*wanted_, "where it was the " + calls_.stranger()->message());
    return fail(Errc::not_found, "no device '" + escape_for_terminal(search_.target, 64) +
                                     "' answered; see 'lsend discover', or name its address");
  }

  /// Who was meant has our identity, and is no device of its own.
  std::optional<Error> copy_of_us() const {
    const auto& copies = discovery_.copies();
    const auto* print = std::get_if<FingerprintTarget>(&spec_);
    const bool ours = print && node_.self.fingerprint.starts_with(print->prefix);
    for (const auto& copy : copies)
      if (ours || (name_ && discovery::matches(copy, name_->name)))
        return cloned(display_name(peer_of(copy)));
    if (!ours) return std::nullopt;
    return fail(Errc::usage, "'" + escape_for_terminal(search_.target, 64) +
                                 "' is the fingerprint of this device itself");
  }

  const Node& node_;
  DiscoveryService& discovery_;
  const Search& search_;
  const Interrupt& interrupt_;
  KnownCalls& calls_;
  discovery::TargetSpec spec_;           ///< what to look for
  const KnownDevice* wanted_ = nullptr;  ///< the one device that will do
  std::optional<NameTarget> name_;       ///< the TARGET, where it is a name
};

}  // namespace

Task<Result<Peer>> find_target(const Node& node, DiscoveryService& discovery, Search search,
                               const Interrupt& interrupt) {
  const auto executor = co_await net::asio::this_coro::executor;
  KnownCalls calls(executor, node, discovery);
  Finder finder(node, discovery, search, interrupt, calls);
  std::exception_ptr thrown;
  std::optional<Result<Peer>> peer;
  try {
    peer.emplace(co_await finder.run());
  } catch (...) {
    thrown = std::current_exception();
  }
  // The calls work on this frame: on no way out may it go before them.
  const bool throws = co_await net::asio::this_coro::throw_if_cancelled();
  co_await net::asio::this_coro::throw_if_cancelled(false);
  calls.abort();
  co_await calls.join();
  co_await net::asio::this_coro::throw_if_cancelled(throws);
  if (thrown) std::rethrow_exception(thrown);
  co_return std::move(*peer);
}

}  // namespace lsend::app
