#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lsend::net {

enum class Transport : std::uint8_t { tcp, udp };

/// A process that has a socket on a local port: TCP sockets that listen, UDP sockets that are
/// bound.
struct PortHolder {
  int pid = 0;
  std::string name;  ///< as the kernel knows it, at most 15 bytes
};

/// Read from /proc: the processes that we may look into (our own, for root all), each once. Where
/// none of them has it, other lsend of the user that the socket belongs to: they let nobody look
/// into them. Empty also when the port is taken and nobody says by whom.
std::vector<PortHolder> port_holders(Transport transport, std::uint16_t port);

/// ", held by nginx (pid 42)"; empty when there is nobody to name.
std::string held_by(const std::vector<PortHolder>& holders);

}  // namespace lsend::net
