#include "lib/app/trust_gate.hpp"

#include <algorithm>

#include "lsend/discovery/target.hpp"

namespace lsend::app {

namespace {

using identity::TrustMode;
using identity::Welcome;

Error unasked(const Peer& peer) {
  auto text = "--trust ask: " + display_name(peer) + " is not known";
  if (peer.proven)
    text += "; if fp:" + peer.proven->str() +
            " is its fingerprint: 'lsend devices trust fp:" + peer.proven->str() + "'";
  else
    text += " and cannot prove who it is; --trust tofu sends to it all the same";
  return fail(Errc::identity, text);
}

/// A name is what it was found by, unless it turned out to be a host's.
identity::Typed typed(const std::string& target, const Peer& peer) {
  const auto spec = discovery::parse_target_spec(target);
  if (spec && std::holds_alternative<discovery::FingerprintTarget>(*spec))
    return identity::Typed::fingerprint;
  return peer.named_by_address ? identity::Typed::address : identity::Typed::alias;
}

/// What anybody could have made with some patience proves as much as none, but looks like one.
Error too_weak(const Peer& peer) {
  return fail(Errc::identity, "the certificate of " + display_name(peer) +
                                  " is too weak to prove who it is (a key below 2048 bits, SHA-1, "
                                  "or not signed by itself); nothing was sent. --fingerprint takes "
                                  "it all the same");
}

}  // namespace

TrustGate::TrustGate(storage::Home home, TrustMode mode, std::vector<Fingerprint> demanded,
                     ProgressSink& sink)
    : home_(std::move(home)), mode_(mode), demanded_(std::move(demanded)), sink_(&sink) {}

Result<TrustGate> TrustGate::open(const Node& node, TrustMode mode,
                                  std::vector<Fingerprint> demanded, ProgressSink& sink) {
  const auto& home = node.settings.home;
  TrustGate gate(home, mode, std::move(demanded), sink);
  gate.remembers_ = !node.for_now;
  if (mode == TrustMode::off || home.nowhere()) return gate;
  auto known = load_known(home);
  // Where no identity can be kept or read, nobody is.
  if (!known && node.for_now && known.error().code() == Errc::io) return gate;
  if (!known) return known.error();
  gate.known_ = std::move(*known);
  return gate;
}

Search TrustGate::search(std::string target, Duration timeout) const {
  return Search{std::move(target), timeout, known_, demanded_, true};
}

/// By --fingerprint, or by a TARGET that is a whole fingerprint.
bool TrustGate::is_demanded(const std::string& target, const Fingerprint& fingerprint) const {
  if (std::find(demanded_.begin(), demanded_.end(), fingerprint) != demanded_.end()) return true;
  const auto spec = discovery::parse_target_spec(target);
  const auto* print = spec ? std::get_if<discovery::FingerprintTarget>(&*spec) : nullptr;
  return print && print->prefix == fingerprint.str();
}

/// One question at a time, however many targets there are.
Task<bool> TrustGate::confirm(const Peer& peer, PromptDesk* desk) {
  constexpr Duration kPatience = std::chrono::minutes(5);
  if (!desk) co_return false;
  ContactQuestion contact;
  contact.device = display_name(peer);
  if (peer.proven) contact.fingerprint = peer.proven->str();
  Question question(std::move(contact));
  const auto answer = co_await desk->ask(std::move(question), Clock::now() + kPatience);
  co_return answer && answer->choice == Answer::Choice::yes;
}

Task<Result<Peer>> TrustGate::admit(const Node& node, std::string target, Peer found,
                                    PromptDesk* desk) {
  if (mode_ == TrustMode::off) co_return found;
  auto proven = co_await prove(node, std::move(found));
  if (!proven) co_return proven;
  auto peer = std::move(*proven);
  if (peer.weak && !peer.proven) co_return too_weak(peer);
  if (peer.only_named)
    sink_->on(WarningEvent{
        "the certificate of " + display_name(peer) +
        (peer.weak ? " is too weak to prove who it is" : " has expired or is not valid yet") +
        "; it is taken because it is the one that was expected"});
  identity::Contact contact;
  if (peer.proven) contact.fingerprint = *peer.proven;
  if (!peer.nameless) contact.alias = peer.info.alias;
  contact.endpoint = peer.endpoint;
  contact.v1 = peer.info.version.is_v1();
  contact.demanded = is_demanded(target, contact.fingerprint);
  contact.typed = typed(target, peer);
  const auto welcome = identity::welcome(known_, mode_, contact);
  if (!welcome) co_return welcome.error();
  peer.standing = known_.standing(contact.fingerprint, contact.alias, contact.endpoint);
  if (peer.standing == identity::Standing::changed) note_new(peer, contact);
  if (*welcome == Welcome::ask) {
    const bool agreed = co_await confirm(peer, desk);
    if (!agreed) co_return unasked(peer);
  }
  if (!remembers_ || !peer.proven || contact.v1 || *welcome == Welcome::stranger) co_return peer;
  const bool stored = co_await remember(peer);
  peer.remembered = stored && *welcome != Welcome::known;
  co_return peer;
}

/// It is none of those that are known, though it has the name or the address of one.
void TrustGate::note_new(Peer& peer, const identity::Contact& contact) {
  if (!contact.demanded) peer.standing = identity::Standing::fresh;
  const auto* called_so = identity::namesake(known_, contact);
  const auto* was_there = known_.at(contact.endpoint.host, contact.endpoint.port);
  if (const auto* other = called_so ? called_so : was_there)
    sink_->on(WarningEvent{display_name(peer) + " is a new device: " + identity::describe(*other) +
                           (called_so ? ", which has this name too, " : ", which was there, ") +
                           "has another certificate"});
}

/// False, and a warning, where it could not be stored: that is no reason not to send.
Task<bool> TrustGate::remember(const Peer& peer) {
  const auto now =
      std::chrono::time_point_cast<FileTime::duration>(std::chrono::system_clock::now());
  const auto fingerprint = *peer.proven;
  const auto alias = peer.nameless ? std::string() : peer.info.alias;
  const auto endpoint = peer.endpoint;
  if (!known_.is_news(fingerprint, alias, endpoint, now)) co_return true;
  // Another try of this command has to find what this one has learned.
  known_.met(fingerprint, alias, endpoint, now);
  ChangeKnown change = [=](identity::KnownDevices& known) -> Result<bool> {
    known.met(fingerprint, alias, endpoint, now);
    return true;
  };
  auto changing = change_known_on(*pool_, home_, std::move(change));
  const auto written = co_await std::move(changing);
  if (!written)
    sink_->on(WarningEvent{"the device could not be remembered: " + written.error().message()});
  co_return written.has_value();
}

}  // namespace lsend::app
