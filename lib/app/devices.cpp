#include "lsend/app/devices.hpp"

#include <algorithm>
#include <array>

#include "lib/app/api_handler.hpp"
#include "lib/app/find_target.hpp"
#include "lib/app/presence.hpp"
#include "lib/app/runtime.hpp"
#include "lsend/app/known_store.hpp"
#include "lsend/discovery/target.hpp"
#include "lsend/identity/trust.hpp"
#include "lsend/model/text.hpp"

namespace lsend::app {

namespace {

using identity::KnownDevice;
using identity::KnownDevices;
using identity::TrustState;

FileTime now() {
  return std::chrono::time_point_cast<FileTime::duration>(std::chrono::system_clock::now());
}

/// The digits behind `fp:`, upper-case; empty for any other text.
Result<std::string> fingerprint_digits(const std::string& target) {
  const auto spec = discovery::parse_target_spec(target);
  if (!spec && (target.starts_with("fp:") || target.starts_with("FP:"))) return spec.error();
  const auto* print = spec ? std::get_if<discovery::FingerprintTarget>(&*spec) : nullptr;
  return print ? print->prefix : std::string();
}

Result<Fingerprint> known_fingerprint(const KnownDevices& known, const std::string& target) {
  const auto digits = fingerprint_digits(target);
  if (!digits) return digits.error();
  const auto found = digits->empty() ? known.by_name(target) : known.by_fingerprint(*digits);
  const auto device = identity::choose(found, target);
  if (!device) return device.error();
  return (*device)->fingerprint;
}

/// A device that is on the network now.
class Meeting {
 public:
  Meeting(Executor executor, Interrupt& interrupt, Node node, const KnownDevices& known)
      : interrupt_(interrupt),
        known_(known),
        presence_(executor, std::move(node), nullptr, nullptr) {}

  Task<Result<Peer>> run(std::string target) {
    auto opened = presence_.open();
    if (!opened) co_return opened.error();
    auto result = co_await meet(std::move(target));
    co_await presence_.close();
    co_return result;
  }

 private:
  Task<Result<Peer>> meet(std::string target) {
    const auto& node = presence_.node();
    Search search{std::move(target), node.settings.connect_timeout, known_, {}, false};
    auto found = co_await find_target(node, presence_.discovery(), std::move(search), interrupt_);
    if (!found) co_return found.error();
    auto peer = co_await prove(node, std::move(*found));
    if (!peer) co_return peer.error();
    if (!peer->proven || peer->info.version.is_v1())
      co_return fail(Errc::identity,
                     display_name(*peer) +
                         " cannot be remembered: it proves no certificate that it "
                         "keeps (plain HTTP, LocalSend before 1.9, or a certificate "
                         "that is too weak or not in force)");
    co_return peer;
  }

  Interrupt& interrupt_;
  const KnownDevices& known_;
  Presence<ApiHandler> presence_;
};

using Change = std::function<Result<Fingerprint>(KnownDevices& known)>;

Result<std::vector<KnownDevice>> change(const Settings& settings, const Change& apply) {
  std::vector<KnownDevice> changed;
  const auto written = change_known(settings.home, [&](KnownDevices& known) -> Result<bool> {
    const auto fingerprint = apply(known);
    if (!fingerprint) return fingerprint.error();
    if (const auto* device = known.find(*fingerprint)) changed.push_back(*device);
    return true;
  });
  if (!written) return written.error();
  return changed;
}

/// Known, or named by its whole fingerprint, or there.
Result<std::vector<KnownDevice>> judge(const Settings& settings, const std::string& target,
                                       TrustState state) {
  auto node = Node::make(settings);
  if (!node) return node.error();
  const auto known = load_known(settings.home);
  if (!known) return known.error();
  auto fingerprint = known_fingerprint(*known, target);
  if (!fingerprint && fingerprint.error().code() != Errc::not_found) return fingerprint.error();
  const auto digits = fingerprint_digits(target);
  if (!fingerprint && digits && Fingerprint(*digits).is_sha256())
    fingerprint = Fingerprint(*digits);
  std::optional<Peer> met;
  if (!fingerprint) {
    Runtime runtime;
    Meeting meeting(runtime.executor(), runtime.interrupt(), std::move(*node), *known);
    auto peer = runtime.run(meeting.run(target));
    if (!peer) return peer.error();
    met = std::move(*peer);
    fingerprint = *met->proven;
  }
  return change(settings, [&](KnownDevices& devices) -> Result<Fingerprint> {
    if (met) devices.met(*fingerprint, met->nameless ? "" : met->info.alias, met->endpoint, now());
    devices.set_state(*fingerprint, state, now());
    return *fingerprint;
  });
}

Result<std::vector<KnownDevice>> forget(const Settings& settings, const std::string& target) {
  std::vector<KnownDevice> forgotten;
  const auto changed = change(settings, [&](KnownDevices& known) -> Result<Fingerprint> {
    const auto fingerprint = known_fingerprint(known, target);
    if (!fingerprint) return fingerprint.error();
    forgotten.push_back(*known.find(*fingerprint));
    known.forget(*fingerprint);
    return *fingerprint;
  });
  if (!changed) return changed.error();
  return forgotten;
}

Result<std::vector<KnownDevice>> rename(const Settings& settings, const DevicesOptions& options) {
  constexpr std::array<std::string_view, 4> kOther{"fp:", "http://", "https://", "@"};
  for (const auto prefix : kOther)
    if (options.name.starts_with(prefix))
      return fail(Errc::usage, "a name that begins with '" + std::string(prefix) +
                                   "' could never be a TARGET; choose another");
  return change(settings, [&](KnownDevices& known) -> Result<Fingerprint> {
    const auto fingerprint = known_fingerprint(known, options.target);
    if (!fingerprint) return fingerprint.error();
    const auto renamed = known.rename(*fingerprint, options.name);
    if (!renamed) return renamed.error();
    return *fingerprint;
  });
}

Result<std::vector<KnownDevice>> show(const Settings& settings, const DevicesOptions& options) {
  const auto known = load_known(settings.home);
  if (!known) return known.error();
  if (options.action == DevicesAction::show) {
    const auto fingerprint = known_fingerprint(*known, options.target);
    if (!fingerprint) return fingerprint.error();
    return std::vector<KnownDevice>{*known->find(*fingerprint)};
  }
  auto devices = known->all();
  const auto rank = [](const KnownDevice& device) {
    return device.state == TrustState::trusted ? 0 : device.state == TrustState::seen ? 1 : 2;
  };
  std::stable_sort(devices.begin(), devices.end(), [&](const auto& a, const auto& b) {
    return rank(a) != rank(b) ? rank(a) < rank(b) : a.last_seen > b.last_seen;
  });
  return devices;
}

}  // namespace

Result<std::vector<KnownDevice>> devices(const Settings& settings, const DevicesOptions& options) {
  switch (options.action) {
    case DevicesAction::trust:
      return judge(settings, options.target, TrustState::trusted);
    case DevicesAction::block:
      return judge(settings, options.target, TrustState::blocked);
    case DevicesAction::forget:
      return forget(settings, options.target);
    case DevicesAction::rename:
      return rename(settings, options);
    case DevicesAction::list:
    case DevicesAction::show:
      break;
  }
  return show(settings, options);
}

}  // namespace lsend::app
