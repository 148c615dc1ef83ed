#include "lsend/identity/known_devices.hpp"

#include <algorithm>

#include "lsend/model/text.hpp"

namespace lsend::identity {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool same_place(const Endpoint& endpoint, std::string_view host, std::uint16_t port) {
  return endpoint.port == port && endpoint.host == host;
}

bool is_called(const KnownDevice& device, std::string_view name) {
  return !name.empty() && (device.name == name || device.alias == name);
}

std::string stored_alias(std::string_view alias) {
  const auto text = to_utf8(alias);
  return std::string(cut_utf8(text, KnownDevices::kLongestAlias));
}

template <class Fits>
std::vector<const KnownDevice*> select(const std::vector<KnownDevice>& devices, Fits fits) {
  std::vector<const KnownDevice*> found;
  for (const auto& device : devices)
    if (fits(device)) found.push_back(&device);
  return found;
}

}  // namespace

std::string_view to_string(TrustState state) {
  switch (state) {
    case TrustState::trusted:
      return "trusted";
    case TrustState::blocked:
      return "blocked";
    case TrustState::seen:
      break;
  }
  return "seen";
}

const KnownDevice* KnownDevices::find(const Fingerprint& fingerprint) const {
  const auto found = std::find_if(devices_.begin(), devices_.end(), [&](const auto& device) {
    return device.fingerprint == fingerprint;
  });
  return found == devices_.end() ? nullptr : &*found;
}

std::vector<const KnownDevice*> KnownDevices::by_fingerprint(std::string_view hex_prefix) const {
  return select(devices_, [&](const KnownDevice& device) {
    return !hex_prefix.empty() && device.fingerprint.starts_with(hex_prefix);
  });
}

std::vector<const KnownDevice*> KnownDevices::by_name(std::string_view name) const {
  auto found = select(devices_, [&](const KnownDevice& device) { return is_called(device, name); });
  if (!found.empty() || name.empty()) return found;
  return select(devices_, [&](const KnownDevice& device) {
    return equal_without_case(device.name, name) || equal_without_case(device.alias, name);
  });
}

const KnownDevice* KnownDevices::at(std::string_view host, std::uint16_t port) const {
  const auto found = select(devices_, [&](const KnownDevice& device) {
    return std::any_of(device.endpoints.begin(), device.endpoints.end(),
                       [&](const Endpoint& endpoint) { return same_place(endpoint, host, port); });
  });
  return found.empty() ? nullptr : found.front();
}

const KnownDevice* KnownDevices::owner_of(std::string_view alias, const Endpoint& endpoint) const {
  for (const auto& device : devices_)
    if (device.state != TrustState::blocked && is_called(device, alias)) return &device;
  const auto* there = at(endpoint.host, endpoint.port);
  return there && there->state != TrustState::blocked ? there : nullptr;
}

Standing KnownDevices::standing(const Fingerprint& fingerprint, std::string_view alias,
                                const Endpoint& endpoint) const {
  if (const auto* known = find(fingerprint)) {
    if (known->state == TrustState::trusted) return Standing::trusted;
    return known->state == TrustState::blocked ? Standing::blocked : Standing::seen;
  }
  return owner_of(alias, endpoint) ? Standing::changed : Standing::fresh;
}

KnownDevice& KnownDevices::record(const Fingerprint& fingerprint, FileTime now) {
  for (auto& device : devices_)
    if (device.fingerprint == fingerprint) return device;
  auto& added = devices_.emplace_back();
  added.fingerprint = fingerprint;
  added.first_seen = now;
  added.last_seen = now;
  return added;
}

bool KnownDevices::is_news(const Fingerprint& fingerprint, std::string_view alias,
                           const Endpoint& endpoint, FileTime now) const {
  const auto* device = find(fingerprint);
  if (!device || device->endpoints.empty() || device->endpoints.front() != endpoint) return true;
  const auto age = now - device->last_seen;
  const bool recent = age >= FileTime::duration::zero() && age < std::chrono::hours(1);
  return !recent || (!alias.empty() && device->alias != stored_alias(alias));
}

void KnownDevices::met(const Fingerprint& fingerprint, std::string_view alias,
                       const Endpoint& endpoint, FileTime now) {
  if (!fingerprint.is_sha256() || endpoint.scheme != Scheme::https) return;
  for (auto& device : devices_)
    std::erase_if(device.endpoints, [&](const Endpoint& known) {
      return same_place(known, endpoint.host, endpoint.port);
    });
  auto& device = record(fingerprint, now);
  if (!alias.empty()) device.alias = stored_alias(alias);
  device.last_seen = now;
  device.endpoints.insert(device.endpoints.begin(), endpoint);
  if (device.endpoints.size() > kMostEndpoints) device.endpoints.resize(kMostEndpoints);
  drop_oldest_seen();
}

void KnownDevices::set_state(const Fingerprint& fingerprint, TrustState state, FileTime now) {
  if (!fingerprint.is_sha256()) return;
  record(fingerprint, now).state = state;
  drop_oldest_seen();
}

Result<> KnownDevices::rename(const Fingerprint& fingerprint, std::string_view name) {
  for (const auto& device : devices_)
    if (device.fingerprint != fingerprint && is_called(device, name))
      return fail(Errc::usage, "'" + escape_for_terminal(name, 64) +
                                   "' is the name of fp:" + device.fingerprint.brief() +
                                   " already; choose another or rename that device first");
  for (auto& device : devices_) {
    if (device.fingerprint != fingerprint) continue;
    device.name = stored_alias(name);
    return {};
  }
  return fail(Errc::not_found, "fp:" + fingerprint.brief() + " is no known device");
}

bool KnownDevices::forget(const Fingerprint& fingerprint) {
  return std::erase_if(devices_, [&](const KnownDevice& device) {
           return device.fingerprint == fingerprint;
         }) > 0;
}

void KnownDevices::drop_oldest_seen() {
  const auto only_seen = [](const KnownDevice& device) { return device.state == TrustState::seen; };
  while (std::count_if(devices_.begin(), devices_.end(), only_seen) >
         static_cast<std::ptrdiff_t>(kMostSeen)) {
    auto oldest = devices_.end();
    for (auto device = devices_.begin(); device != devices_.end(); ++device)
      if (only_seen(*device) && (oldest == devices_.end() || device->last_seen < oldest->last_seen))
        oldest = device;
    devices_.erase(oldest);
  }
}

std::string_view to_string(Standing standing) {
  switch (standing) {
    case Standing::fresh:
      break;
    case Standing::seen:
      return "seen";
    case Standing::trusted:
      return "trusted";
    case Standing::blocked:
      return "blocked";
    case Standing::changed:
      return "changed";
  }
  return "new";
}

}  // namespace lsend::identity
