#pragma once

#include <string>

#include "lsend/app/devices.hpp"
#include "lsend/app/events.hpp"
#include "lsend/app/info.hpp"

namespace lsend::cmd {

/// Devices as people read them; all that peers chose is escaped.

/// "192.168.1.2:53317"; the scheme is shown where it is not the usual one.
std::string address_of(const Endpoint& endpoint);

/// One line: alias, type, address, model, fingerprint. The long one has the whole fingerprint, the
/// version and all addresses.
std::string device_line(const app::DeviceEvent& event, bool long_format, bool bold);

/// A line of `devices`: state, name, first digits of the fingerprint, address, when it was last
/// met.
std::string known_device_line(const identity::KnownDevice& device);
/// All that is known of one.
std::string known_device_text(const identity::KnownDevice& device);

std::string own_info_text(const app::OwnInfo& info);
std::string peer_info_text(const app::PeerInfo& info);

}  // namespace lsend::cmd
