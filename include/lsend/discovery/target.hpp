#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lsend/discovery/device_table.hpp"
#include "lsend/model/result.hpp"

namespace lsend::discovery {

/// `fp:HEX`, 8 to 64 digits, upper-case.
struct FingerprintTarget {
  std::string prefix;
};
/// An address or URL: `host` an IP literal (zone kept) or a host name.
struct AddressTarget {
  std::optional<Scheme> scheme;  ///< only from a URL
  std::string host;
  std::optional<std::uint16_t> port;
  bool is_ip = false;
};
/// An alias seen on the network, or else a host name.
struct NameTarget {
  std::string name;
  std::optional<std::uint16_t> port;  ///< `name:port`: then a host name, and never an alias
};
using TargetSpec = std::variant<FingerprintTarget, AddressTarget, NameTarget>;

/// First reading that fits (cli.md, send): `http(s)://host[:port]`, `fp:HEX`, IP, `ip:port`,
/// `[v6]:port`, `fe80::1%eth0`, a name. Errc::usage says what is wrong.
Result<TargetSpec> parse_target_spec(std::string_view text);

/// The device that `fp:` or a name means among those seen: an exact alias wins, then a unique
/// prefix, without case. Errc::not_found, or Errc::ambiguous with the candidates in the text, each
/// as "alias (address, fp:XXXXXXXX)", peer text escaped.
Result<Device> find_by_fingerprint(const std::vector<Device>& devices, std::string_view prefix);
Result<Device> find_by_name(const std::vector<Device>& devices, std::string_view name);

/// Does a device match the PATTERN of `discover`: a part of its alias, without case, a glob with
/// '*' and '?', or an address or `fp:` prefix.
bool matches(const Device& device, std::string_view pattern);

}  // namespace lsend::discovery
