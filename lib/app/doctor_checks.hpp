#pragma once

#include <vector>

#include "lsend/app/doctor.hpp"
#include "lsend/net/interfaces.hpp"

namespace lsend::app {

using Checks = std::vector<Check>;

/// The clock, the folder and its disk, the identity.
void check_host(const Settings& settings, const DoctorOptions& options, Checks& checks);

/// Interfaces, ports, multicast, routes and the firewall.
void check_network(const Settings& settings, Checks& checks);

}  // namespace lsend::app
