#pragma once

#include <string>
#include <vector>

#include "lsend/app/settings.hpp"
#include "lsend/net/http_server.hpp"
#include "lsend/net/interfaces.hpp"

namespace lsend::app {

/// May a command start before an interface that --interface names has an address?
enum class Absent : bool { refuse, wait_for };

/// This host's interfaces, and what --interface leaves of them.
struct Networks {
  std::vector<net::Interface> all;
  std::vector<net::Interface> chosen;  ///< those of discovery
  std::vector<std::string> awaited;    ///< entries of --interface that fit nothing now
  std::string lacks;                   ///< what could not be looked at, as a sentence; else empty
};

/// How it is now. Errc::usage for an entry of --interface that fits nothing; with Absent::wait_for
/// only when there is no interface of that name at all. Where nothing can be listed the host has to
/// do without, but --interface cannot be kept then: Errc::failed.
Result<Networks> look_at_networks(const Settings& settings, Absent absent);

/// Where the server of a command listens: everywhere without --interface, else at its addresses.
net::ListenOn listen_on(const Settings& settings, const Networks& networks);

/// All addresses of these interfaces, IPv6 with its zone where it is link-local.
std::vector<std::string> addresses_of(const std::vector<net::Interface>& interfaces);

/// Where others reach a server that listens there, for people: link-local and loopback addresses
/// only where there are no others.
std::vector<std::string> reachable_addresses(const Settings& settings, const Networks& networks);

}  // namespace lsend::app
