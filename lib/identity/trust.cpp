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

Error refuse(std::string message) { return fail(Errc::identity, std::move(message)); }

/// Alias or address belong to `owner`, the certificate does not.
Error refuse_changed(const KnownDevice& owner, const Contact& contact) {
  if (contact.fingerprint.empty()) return downgrade(owner, "answers without HTTPS");
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
  if (const auto* owner = known.owner_of(contact.alias, contact.endpoint); owner && !demanded)
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
    text += (i > 0 ? ", " : "") + describe(*candidates[i]);
  if (candidates.size() > kMostCandidates)
    text += " and " + std::to_string(candidates.size() - kMostCandidates) + " more";
  return fail(Errc::ambiguous, text + "; give the fp: of one");
}

}  // namespace lsend::identity
