#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lsend/app/settings.hpp"
#include "lsend/identity/known_devices.hpp"
#include "lsend/model/result.hpp"

namespace lsend::app {

enum class DevicesAction : std::uint8_t { list, show, trust, block, forget, rename };

struct DevicesOptions {
  DevicesAction action = DevicesAction::list;
  std::string target;  ///< all but list: a name, an alias or fp:HEX
  std::string name;    ///< rename: the new one
};

/// Shows or changes what is known of devices. Those concerned as they are now (as they were, for
/// forget); trusted ones first, blocked ones last. `trust` and `block` also take a device that was
/// never met: `fp:` with all 64 digits, or any TARGET of `send` that answers now and proves its
/// certificate. Errc::not_found, Errc::ambiguous with a list, Errc::identity, Errc::usage.
Result<std::vector<identity::KnownDevice>> devices(const Settings& settings,
                                                   const DevicesOptions& options);

}  // namespace lsend::app
