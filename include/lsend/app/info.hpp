#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lsend/app/settings.hpp"
#include "lsend/identity/known_devices.hpp"
#include "lsend/model/result.hpp"

namespace lsend::app {

struct OwnInfo {
  DeviceInfo device;
  std::vector<std::string> addresses;
  bool port_free = false;  ///< could `receive` listen on device.port now?
  storage::Home home;
  Result<int> landlock = 0;  ///< the ABI that `receive` can be fenced in with, or why none
};

/// This machine's identity (made when it is missing), addresses and files.
Result<OwnInfo> own_info(const Settings& settings);

struct PeerInfo {
  DeviceInfo device;
  Endpoint endpoint;
  std::optional<Fingerprint> proven;  ///< by TLS
  identity::Standing standing = identity::Standing::fresh;
  Duration latency{0};  ///< connection, handshake and answer
  bool ourselves = false;
};

/// What this machine's own receiver answers on Settings::port: the health check of a service.
/// Errc::unreachable when none does, Errc::identity when it is another one's.
Result<PeerInfo> self_info(const Settings& settings);

/// What a device says of itself.
Result<PeerInfo> peer_info(const Settings& settings, const std::string& target);

}  // namespace lsend::app
