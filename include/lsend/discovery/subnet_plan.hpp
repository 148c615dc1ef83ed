#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lsend/model/result.hpp"

namespace lsend::discovery {

/// An IPv4 network. `address` is any address in it, host byte order.
struct Ipv4Net {
  std::uint32_t address = 0;
  int prefix = 24;  ///< 0 to 32

  std::uint32_t mask() const;
  bool contains(std::uint32_t other) const;
  static std::optional<Ipv4Net> parse(std::string_view cidr);  ///< "192.168.1.0/24", "10.0.0.5"
  static std::optional<std::uint32_t> parse_address(std::string_view dotted);
  static std::string to_string(std::uint32_t address);
};

/// The hosts to call in a sweep: `known`, which are there, and then every usable address of the
/// networks but our own ones, without network and broadcast address (kept for /31 and /32), each
/// once: the smallest network first, and in it what is nearest to our own address. A network wider
/// than `widest_prefix` (20) is cut to that many hosts around our address, and so is the whole list.
std::vector<std::string> sweep_hosts(std::vector<Ipv4Net> own, int widest_prefix = 20,
                                     const std::vector<std::uint32_t>& known = {});
/// For a CIDR that the user gave: all its hosts but `own_addresses`; Errc::usage above 65,536.
Result<std::vector<std::string>> sweep_cidr(std::string_view cidr,
                                            const std::vector<std::uint32_t>& own_addresses);

}  // namespace lsend::discovery
