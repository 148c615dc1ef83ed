#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lsend/model/ids.hpp"

namespace lsend {

constexpr std::uint16_t kDefaultPort = 53317;

enum class DeviceType : std::uint8_t { mobile, desktop, web, headless, server };
enum class Scheme : std::uint8_t { http, https };

std::string_view to_string(DeviceType type);
std::string_view to_string(Scheme scheme);
/// Any case; an unknown word is `desktop` (protocol.md 1.1).
DeviceType parse_device_type(std::string_view word);
/// Exactly "http" or "https".
std::optional<Scheme> parse_scheme(std::string_view word);

/// The `version` of a device's messages, "major.minor". Devices up to 1.8 send none: "1.0".
struct Version {
  int major = 1;
  int minor = 0;

  /// Speaks the v1 routes only. 2.x of any minor and everything later speak v2.
  bool is_v1() const { return major < 2; }
  std::string to_string() const;
  static std::optional<Version> parse(std::string_view text);

  friend bool operator==(const Version&, const Version&) = default;
};

/// What we send as our own version: all peers test for "1.0" only (protocol.md, trap 3).
constexpr Version kOurVersion{2, 1};

/// What a device says of itself (protocol.md 1.3).
struct DeviceInfo {
  std::string alias;
  Version version;
  std::optional<std::string> device_model;
  std::optional<DeviceType> device_type;
  Fingerprint fingerprint;
  std::uint16_t port = kDefaultPort;
  Scheme protocol = Scheme::https;
  bool download = false;

  friend bool operator==(const DeviceInfo&, const DeviceInfo&) = default;
};

/// Where a device listens. `host` is an IP address in text, IPv6 without brackets, with its zone.
struct Endpoint {
  Scheme scheme = Scheme::https;
  std::string host;
  std::uint16_t port = kDefaultPort;

  /// "https://192.168.1.2:53317", "https://[fe80::1%eth0]:53317".
  std::string url() const;
  /// For the Host header: brackets around IPv6, no zone (RFC 6874, protocol.md trap 40).
  std::string authority() const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace lsend
