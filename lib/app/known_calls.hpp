#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/app/discovery_service.hpp"
#include "lsend/identity/known_devices.hpp"

namespace lsend::app {

/// Calls known devices where they last were, while multicast looks for them too: who proves itself
/// is heard by the discovery like any other. join() before it goes.
class KnownCalls {
 public:
  KnownCalls(Executor executor, const Node& node, DiscoveryService& discovery);

  /// One device, at all its addresses at once.
  void call(const identity::KnownDevice& device);
  /// Those that were met last, at the address where that was; a few dozen at a time.
  void call_all(const identity::KnownDevices& known, Duration limit);
  /// Whoever claims to be a known device, at the place that it claims.
  void challenge(const Fingerprint& fingerprint, const Endpoint& endpoint, Duration limit);
  /// Has one of them answered in plain HTTP? That proves nothing, and may be said.
  bool speaks_http() const { return speaks_http_; }
  /// What the handshake said where another certificate than the known one answers.
  const std::optional<Error>& stranger() const { return stranger_; }
  /// Calls that still run are of no use any more.
  void abort();
  Task<> join();

 private:
  struct Call {
    Fingerprint fingerprint;
    std::string alias;  ///< where it does not say who it is
    Endpoint endpoint;
  };

  Task<> work(Duration limit);
  Task<> make(Call call, Duration limit);

  const Node& node_;
  DiscoveryService& discovery_;
  net::TaskGroup tasks_;
  std::vector<Call> waiting_;  ///< the next one last
  std::vector<net::Connecting*> running_;
  bool aborted_ = false;
  bool speaks_http_ = false;
  std::optional<Error> stranger_;
};

}  // namespace lsend::app
