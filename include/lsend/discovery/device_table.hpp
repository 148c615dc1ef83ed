#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lsend/model/device.hpp"
#include "lsend/model/time.hpp"

namespace lsend::discovery {

/// A device that was heard of: one a fingerprint, however many addresses it has.
struct Device {
  DeviceInfo info;
  std::vector<Endpoint> endpoints;  ///< most recently confirmed first, at most 8
  bool verified = false;            ///< its certificate was seen to have this fingerprint
  TimePoint last_seen{};
};

/// Keyed by fingerprint (protocol.md trap 41). Devices without one (old or third-party ones) are
/// keyed by their address. At most `capacity` devices, the longest unseen leaves first, and
/// verified ones only when all are.
class DeviceTable {
 public:
  enum class Change { added, updated, unchanged };

  explicit DeviceTable(std::size_t capacity, Fingerprint own);

  /// Our own fingerprint is ignored (`unchanged`). `from` is where the message came from, with the
  /// announced port and protocol. A message that no certificate backs never changes what a verified
  /// entry says of itself (alias, model, endpoints order); it may add an HTTPS endpoint at the end.
  /// `updated` is news: what it says of itself, a new endpoint, or that it is verified now.
  Change update(const DeviceInfo& info, const Endpoint& from, bool verified, TimePoint now);

  /// The device that another one copies: the same certificate's fingerprint within a minute, from
  /// an address that is not the device's, under another alias. To be asked before update().
  std::optional<Device> original_of(const DeviceInfo& info, const Endpoint& from,
                                    TimePoint now) const;

  /// It was reached where it said it is; nothing else is news.
  void touch(const Device& device, TimePoint now);
  void remove(const Device& device);
  /// What tells devices apart.
  static std::string key_of(const Device& device) {
    return key_of(device.info, device.endpoints.front());
  }

  std::vector<Device> devices() const;  ///< in the order in which they were first seen
  std::optional<Device> find(const Fingerprint& fingerprint) const;
  std::size_t size() const { return order_.size(); }
  /// How many devices had to leave because the table was full.
  std::size_t evicted() const { return evicted_; }

 private:
  static std::string key_of(const DeviceInfo& info, const Endpoint& from);
  void evict_if_full();

  std::size_t capacity_;
  Fingerprint own_;
  std::list<Device> order_;
  std::unordered_map<std::string, std::list<Device>::iterator> by_key_;
  std::size_t evicted_ = 0;
};

}  // namespace lsend::discovery
