#include "lsend/discovery/target.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "lsend/model/text.hpp"

namespace lsend::discovery {
namespace {

constexpr std::size_t kShortestPrefix = 8;
constexpr std::size_t kWholeFingerprint = 64;
constexpr std::size_t kLongestHostName = 253;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool starts_without_case(std::string_view text, std::string_view upper) {
  return text.size() >= upper.size() && std::equal(upper.begin(), upper.end(), text.begin(),
                                                   [](char a, char b) { return a == to_upper(b); });
}

Error usage(std::string_view text, std::string_view why) {
  return fail(Errc::usage, "'" + escape_for_terminal(text) + "' " + std::string(why));
}

bool is_literal(int family, std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  return text.find('\0') == std::string_view::npos &&
         ::inet_pton(family, std::string(text).c_str(), parsed.data()) == 1;
}
bool is_ipv4(std::string_view text) { return is_literal(AF_INET, text); }

/// With a zone or without: "fe80::1%eth0".
bool is_ipv6(std::string_view text) {
  const std::size_t percent = text.find('%');
  if (percent == std::string_view::npos) return is_literal(AF_INET6, text);
  const std::string_view zone = text.substr(percent + 1);
  return !zone.empty() && is_literal(AF_INET6, text.substr(0, percent)) &&
         std::all_of(zone.begin(), zone.end(), [](char c) {
           return is_digit(c) || is_letter(c) || c == '-' || c == '_' || c == '.' || c == '@' ||
                  c == ':';
         });
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestHostName && text.front() != '-' &&
         text.front() != '.' && std::all_of(text.begin(), text.end(), [](char c) {
           return is_digit(c) || is_letter(c) || c == '-' || c == '_' || c == '.';
         });
}

Result<std::uint16_t> parse_port(std::string_view digits, std::string_view text) {
  unsigned port = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, port);
  if (error != std::errc{} || stop != end || port == 0 || port > 65535) {
    return usage(text, "has no usable port behind its last ':'; a port is a number, 1 to 65535");
  }
  return static_cast<std::uint16_t>(port);
}

Result<TargetSpec> parse_fingerprint(std::string_view hex, std::string_view text) {
  if (!std::all_of(hex.begin(), hex.end(), is_hex)) {
    return usage(text, "is no fingerprint: behind 'fp:' stand hex digits only");
  }
  if (hex.size() < kShortestPrefix) {
    return usage(text, "is too short for a fingerprint; give at least 8 hex digits behind 'fp:'");
  }
  if (hex.size() > kWholeFingerprint) {
    return usage(text, "is too long for a fingerprint, which has 64 hex digits");
  }
  std::string prefix(hex);
  std::transform(prefix.begin(), prefix.end(), prefix.begin(), to_upper);
  return TargetSpec{FingerprintTarget{std::move(prefix)}};
}

/// "[v6]" and "[v6]:port"; `authority` starts with '['.
Result<TargetSpec> parse_bracketed(std::string_view authority, std::optional<Scheme> scheme,
                                   std::string_view text) {
  const std::size_t close = authority.find(']');
  if (close == std::string_view::npos) return usage(text, "has no ']' behind its IPv6 address");
  std::string host(authority.substr(1, close - 1));
  // RFC 6874 writes the '%' of a zone as "%25" in URLs; "%25" and digits may be a zone of digits.
  const std::size_t percent = host.find("%25");
  if (scheme && percent != std::string::npos && percent + 3 < host.size() &&
      !all_digits(std::string_view{host}.substr(percent + 1))) {
    host.erase(percent + 1, 2);
  }
  if (!is_ipv6(host)) return usage(text, "has no IPv6 address between '[' and ']'");
  const std::string_view rest = authority.substr(close + 1);
  if (rest.empty()) return TargetSpec{AddressTarget{scheme, host, std::nullopt, true}};
  if (rest.front() != ':') return usage(text, "has something other than ':port' behind its ']'");
  const auto port = parse_port(rest.substr(1), text);
  if (!port) return port.error();
  return TargetSpec{AddressTarget{scheme, host, *port, true}};
}

Result<TargetSpec> parse_url(std::string_view authority, Scheme scheme, std::string_view text) {
  if (authority.ends_with('/')) authority.remove_suffix(1);
  if (authority.find_first_of("/?#") != std::string_view::npos) {
    return usage(text, "has a path; a target is a host and a port: http://192.168.1.2:53317");
  }
  if (authority.starts_with('[')) return parse_bracketed(authority, scheme, text);
  if (is_ipv6(authority)) {
    return usage(text, "has an IPv6 address without brackets; write it like http://[fe80::1%eth0]");
  }
  const std::size_t colon = authority.rfind(':');
  const std::string_view host = authority.substr(0, colon);
  if (host.empty()) return usage(text, "names no host");
  if (!is_host_name(host)) return usage(text, "has something in it that is no host name");
  AddressTarget target{scheme, std::string(host), std::nullopt, is_ipv4(host)};
  if (colon != std::string_view::npos) {
    const auto port = parse_port(authority.substr(colon + 1), text);
    if (!port) return port.error();
    target.port = *port;
  }
  return TargetSpec{std::move(target)};
}

/// An address or host with a port, or a name, which may well have colons in it.
Result<TargetSpec> parse_host_or_name(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    const std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    const bool is_ip = is_ipv4(host);
    if (is_ip || (is_host_name(host) && all_digits(digits))) {
      const auto port = parse_port(digits, text);
      if (!port) return port.error();
      if (is_ip) return TargetSpec{AddressTarget{std::nullopt, std::string(host), *port, true}};
      return TargetSpec{NameTarget{std::string(host), *port}};
    }
  }
  return TargetSpec{NameTarget{std::string(text), std::nullopt}};
}

}  // namespace

Result<TargetSpec> parse_target_spec(std::string_view text) {
  if (text.empty()) {
    return fail(Errc::usage,
                "the target is empty; give the name of a device, an address, or fp: and hex digits "
                "of its fingerprint");
  }
  if (starts_without_case(text, "HTTP://")) return parse_url(text.substr(7), Scheme::http, text);
  if (starts_without_case(text, "HTTPS://")) return parse_url(text.substr(8), Scheme::https, text);
  if (text.find("://") != std::string_view::npos) {
    return usage(text, "is a URL of another kind; a target's URL begins with http:// or https://");
  }
  if (starts_without_case(text, "FP:")) return parse_fingerprint(text.substr(3), text);
  if (is_ipv4(text) || is_ipv6(text)) {
    return TargetSpec{AddressTarget{std::nullopt, std::string(text), std::nullopt, true}};
  }
  // An alias may begin with a bracket too, but only an address has colons inside it.
  if (text.front() == '[' && text.substr(0, text.find(']')).find(':') != std::string_view::npos) {
    return parse_bracketed(text, std::nullopt, text);
  }
  return parse_host_or_name(text);
}

}  // namespace lsend::discovery
