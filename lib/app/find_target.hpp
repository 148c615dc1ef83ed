#pragma once

#include <string>

#include "lib/app/discovery_service.hpp"
#include "lib/app/interrupt.hpp"
#include "lib/app/peer.hpp"
#include "lsend/identity/known_devices.hpp"

namespace lsend::app {

struct Search {
  std::string target;
  Duration timeout;
  identity::KnownDevices known;        ///< a copy: what is learned meanwhile must not move it
  std::vector<Fingerprint> only = {};  ///< the device must prove one of these; empty = any
  /// At the address of a known device only that device will do.
  bool guard_addresses = true;
  /// Gets what is to be told in the end where the device is not found, and another answers at its
  /// place.
  std::optional<Error>* suspicion = nullptr;
};

/// The device that a TARGET means (cli.md, send): addresses and URLs are probed; known devices are
/// called where they last were; a fingerprint or an alias is looked for on the network for
/// `timeout`, then as a host name, then by a sweep of kLongestSweep at most. What is found over HTTPS has a pin, the
/// certificate that it proved or that it announced. `discovery` must be running. Errc::usage,
/// Errc::not_found, Errc::ambiguous, Errc::unreachable, Errc::identity.
Task<Result<Peer>> find_target(const Node& node, DiscoveryService& discovery, Search search,
                               const Interrupt& interrupt);

}  // namespace lsend::app
