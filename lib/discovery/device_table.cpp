#include "lsend/discovery/device_table.hpp"

#include <algorithm>
#include <utility>

namespace lsend::discovery {
namespace {

constexpr std::size_t kMaxEndpoints = 8;
constexpr Duration kSameTime = std::chrono::minutes(1);

bool contains(const std::vector<Endpoint>& endpoints, const Endpoint& endpoint) {
  return std::find(endpoints.begin(), endpoints.end(), endpoint) != endpoints.end();
}

/// Most recently confirmed first. True when it was not known before.
bool put_first(std::vector<Endpoint>& endpoints, const Endpoint& endpoint) {
  const auto known = std::find(endpoints.begin(), endpoints.end(), endpoint);
  if (known != endpoints.end()) {
    std::rotate(endpoints.begin(), known, known + 1);
    return false;
  }
  endpoints.insert(endpoints.begin(), endpoint);
  if (endpoints.size() > kMaxEndpoints) endpoints.pop_back();
  return true;
}

/// What anybody on the network may claim about a verified device: one more place to try, last, and
/// only by HTTPS, where the handshake will tell whether it is true.
bool put_claimed(std::vector<Endpoint>& endpoints, const Endpoint& endpoint) {
  if (endpoint.scheme != Scheme::https || endpoints.size() >= kMaxEndpoints ||
      contains(endpoints, endpoint)) {
    return false;
  }
  endpoints.push_back(endpoint);
  return true;
}

bool leaves_before(const Device& a, const Device& b) {
  if (a.verified != b.verified) return !a.verified;
  return a.last_seen < b.last_seen;
}

}  // namespace

DeviceTable::DeviceTable(std::size_t capacity, Fingerprint own)
    : capacity_(std::max<std::size_t>(capacity, 1)), own_(std::move(own)) {}

std::string DeviceTable::key_of(const DeviceInfo& info, const Endpoint& from) {
  // A fingerprint without TLS may be any text: the prefixes keep it from posing as an address.
  if (!info.fingerprint.empty()) return "fingerprint " + info.fingerprint.str();
  return "address " + from.authority() + " " + from.host;
}

DeviceTable::Change DeviceTable::update(const DeviceInfo& info, const Endpoint& from, bool verified,
                                        TimePoint now) {
  if (!own_.empty() && info.fingerprint == own_) return Change::unchanged;
  const std::string key = key_of(info, from);
  const auto known = by_key_.find(key);
  if (known == by_key_.end()) {
    evict_if_full();
    order_.push_back(Device{info, {from}, verified, now});
    by_key_.emplace(key, std::prev(order_.end()));
    return Change::added;
  }

  Device& device = *known->second;
  device.last_seen = now;
  if (device.verified && !verified) {
    return put_claimed(device.endpoints, from) ? Change::updated : Change::unchanged;
  }
  bool changed = put_first(device.endpoints, from);
  if (device.verified != verified || device.info != info) {
    device.verified = verified;
    device.info = info;
    changed = true;
  }
  return changed ? Change::updated : Change::unchanged;
}

void DeviceTable::touch(const Device& device, TimePoint now) {
  const auto known = by_key_.find(key_of(device));
  if (known != by_key_.end()) known->second->last_seen = now;
}

void DeviceTable::remove(const Device& device) {
  const auto known = by_key_.find(key_of(device));
  if (known == by_key_.end()) return;
  order_.erase(known->second);
  by_key_.erase(known);
}

std::optional<Device> DeviceTable::original_of(const DeviceInfo& info, const Endpoint& from,
                                               TimePoint now) const {
  auto device = info.fingerprint.is_sha256() ? find(info.fingerprint) : std::nullopt;
  if (!device || device->info.alias == info.alias || now - device->last_seen > kSameTime)
    return std::nullopt;
  const bool moved =
      std::none_of(device->endpoints.begin(), device->endpoints.end(),
                   [&](const Endpoint& endpoint) { return endpoint.host == from.host; });
  return moved ? device : std::nullopt;
}

void DeviceTable::evict_if_full() {
  if (order_.size() < capacity_) return;
  const auto oldest = std::min_element(order_.begin(), order_.end(), leaves_before);
  std::erase_if(by_key_, [oldest](const auto& entry) { return entry.second == oldest; });
  order_.erase(oldest);
  ++evicted_;
}

std::vector<Device> DeviceTable::devices() const { return {order_.begin(), order_.end()}; }

std::optional<Device> DeviceTable::find(const Fingerprint& fingerprint) const {
  if (fingerprint.empty()) return std::nullopt;
  DeviceInfo info;
  info.fingerprint = fingerprint;
  const auto known = by_key_.find(key_of(info, {}));
  if (known == by_key_.end()) return std::nullopt;
  return *known->second;
}

}  // namespace lsend::discovery
