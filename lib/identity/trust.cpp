#include "lsend/identity/trust.hpp"

#include "lsend/model/text.hpp"

namespace lsend::identity {
namespace {

constexpr std::size_t kMostCandidates = 8;

std::string shown(const std::string& name) {
  return name.empty() ? "a device without a name" : "'" + escape_for_terminal(name, 64) + "'";
}

std::string forget_command(const KnownDevice& device) {
  return "'lsend devices forget fp:" + device.fingerprint.str().substr(0, 16) + "'";
}

std::string trust_command(const Fingerprint& fingerprint) {
  return "'lsend devices trust fp:" + fingerprint.str() + "'";
}

std::string last_place(const KnownDevice& device) {
  return device.endpoints.empty() ? std::string() : " at " + device.endpoints.front().authority();
}

Error refuse(std::string message) { return fail(Errc::identity, std::move(message)); }

/// Whose place it is that `contact` answers at, by what was typed; null: nobody's.
const KnownDevice* pinned(const KnownDevices& known, const Contact& contact) {
  // Without a certificate nothing tells a new device from a known one that was talked down.
  if (contact.fingerprint.empty() || contact.v1)
    return known.owner_of(contact.alias, contact.endpoint);
  if (contact.typed == Typed::alias) return namesake(known, contact);
  if (contact.typed == Typed::fingerprint) return nullptr;
  const auto* there = known.at(contact.endpoint.host, contact.endpoint.port);
  return there && there->state != TrustState::blocked ? there : nullptr;
}

/// Alias or address belong to `owner`, the certificate does not.
Error refuse_changed(const KnownDevice& owner, const Contact& contact) {
  if (contact.fingerprint.empty()) return without_https(owner, "answers without HTTPS");
  if (contact.v1) return downgrade(owner, "answers with the protocol of LocalSend before 1.9");
  const auto error = impostor(
      owner, shown(contact.alias) + " at " + contact.endpoint.host + " has another certificate");
  return refuse(error.message() + "; if both are yours, " + trust_command(contact.fingerprint) +
                " makes the new one known too");
}

Error refuse_stranger(const Contact& contact) {
  const auto who = shown(contact.alias) + " at " + contact.endpoint.host;
  if (contact.fingerprint.empty())
    return refuse("--trust strict: " + who + " speaks plain HTTP and cannot prove who it is");
  return refuse("--trust strict: " + who + " is not trusted; if fp:" + contact.fingerprint.str() +
                " is its fingerprint: " + trust_command(contact.fingerprint));
}

Result<Welcome> welcome_known(const KnownDevice& device, TrustMode mode, const Contact& contact) {
  if (device.state == TrustState::blocked) return blocked(device);
  if (contact.v1) return downgrade(device, "answers with the protocol of LocalSend before 1.9");
  if (mode != TrustMode::strict || device.state == TrustState::trusted || contact.demanded)
    return Welcome::known;
  return refuse_stranger(contact);
}

}  // namespace

std::string describe(const KnownDevice& device) {
  return shown(device.shown_name()) + " (fp:" + device.fingerprint.brief() + ")";
}

Error downgrade(const KnownDevice& device, const std::string& how) {
  return refuse(describe(device) + " is known to prove itself by HTTPS, and now it " + how +
                "; nothing was sent. If that is meant to be so: " + forget_command(device));
}

Error without_https(const KnownDevice& device, const std::string& how) {
  const auto forget = forget_command(device);
  return refuse(describe(device) + " is known to prove itself by HTTPS, and now it " + how +
                "; nothing was sent. LocalSend does that for as long as 'Share via link' or "
                "'Receive via link' is open there: close it and send again. With --http everybody "
                "on the way could read the files and nothing would prove who gets them; lsend does "
                "that only to a device that it does not know: " +
                forget);
}

const KnownDevice* namesake(const KnownDevices& known, const Contact& contact) {
  for (const auto* device : known.by_name(contact.alias))
    if (device->state != TrustState::blocked && device->fingerprint != contact.fingerprint)
      return device;
  return nullptr;
}

Error impostor(const KnownDevice& device, const std::string& found) {
  return refuse("expected " + describe(device) + ", but " + found +
                "; nothing was sent. If the device was set up anew: " + forget_command(device));
}

Error blocked(const KnownDevice& device) {
  return refuse(describe(device) + " is blocked; 'lsend devices trust fp:" +
                device.fingerprint.str().substr(0, 16) + "' ends that");
}

Result<Welcome> welcome(const KnownDevices& known, TrustMode mode, const Contact& contact) {
  if (mode == TrustMode::off) return Welcome::stranger;
  if (const auto* device = known.find(contact.fingerprint))
    return welcome_known(*device, mode, contact);
  const bool demanded = contact.demanded && !contact.fingerprint.empty();
  if (const auto* owner = pinned(known, contact); owner && !demanded)
    return refuse_changed(*owner, contact);
  if (mode == TrustMode::strict && !demanded) return refuse_stranger(contact);
  if (mode == TrustMode::ask && !demanded) return Welcome::ask;
  return contact.fingerprint.empty() || contact.v1 ? Welcome::stranger : Welcome::introduce;
}

Result<const KnownDevice*> choose(const std::vector<const KnownDevice*>& candidates,
                                  const std::string& wanted) {
  const auto what = "'" + escape_for_terminal(wanted, 64) + "'";
  if (candidates.empty())
    return fail(Errc::not_found, what + " is no known device; 'lsend devices' lists them");
  if (candidates.size() == 1) return candidates.front();
  auto text = what + " fits " + std::to_string(candidates.size()) + " known devices: ";
  for (std::size_t i = 0; i < candidates.size() && i < kMostCandidates; ++i)
    text += (i > 0 ? ", " : "") + describe(*candidates[i]) + last_place(*candidates[i]);
  if (candidates.size() > kMostCandidates)
    text += " and " + std::to_string(candidates.size() - kMostCandidates) + " more";
  return fail(Errc::ambiguous, text + "; give the fp: or the address of one");
}

}  // namespace lsend::identity
