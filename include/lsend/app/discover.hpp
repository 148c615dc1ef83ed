#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "lsend/app/events.hpp"
#include "lsend/app/settings.hpp"
#include "lsend/discovery/device_table.hpp"
#include "lsend/model/result.hpp"

namespace lsend::app {

enum class ScanMode : std::uint8_t { automatic, always, never };

struct DiscoverOptions {
  std::string pattern;  ///< empty = all devices
  Duration timeout = std::chrono::seconds(3);
  std::size_t count = 0;  ///< stop as soon as so many matched; 0 = no number
  bool watch = false;     ///< go on until a signal
  ScanMode scan = ScanMode::automatic;
  std::string scan_cidr;  ///< ScanMode::always: empty = the networks of our interfaces
};

struct DiscoverReport {
  std::vector<DeviceEvent> devices;  ///< those that match, as they are at the end
  std::size_t evicted = 0;                 ///< more than the table holds
  std::size_t known = 0;                   ///< how many are left, whatever the pattern
};

/// Looks for devices: each is an event as it answers. Errc::not_found when fewer than `count`
/// answered in time, Errc::unreachable when no socket could be opened at all.
Result<DiscoverReport> discover(const Settings& settings, const DiscoverOptions& options,
                                ProgressSink& sink);

}  // namespace lsend::app
