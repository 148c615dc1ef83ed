#include "lsend/model/device.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace lsend {
namespace {

constexpr std::array<std::string_view, 5> kDeviceTypes{"mobile", "desktop", "web", "headless",
                                                       "server"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

/// Digits only: from_chars alone would take a minus sign.
std::optional<int> parse_number(std::string_view digits) {
  if (digits.empty() || digits.front() == '-') return std::nullopt;
  int value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

bool is_ipv6(std::string_view host) { return host.find(':') != std::string_view::npos; }

}  // namespace

std::string_view to_string(DeviceType type) {
  return kDeviceTypes.at(static_cast<std::size_t>(type));
}

std::string_view to_string(Scheme scheme) { return scheme == Scheme::https ? "https" : "http"; }

DeviceType parse_device_type(std::string_view word) {
  for (std::size_t i = 0; i < kDeviceTypes.size(); ++i) {
    if (equal_without_case(word, kDeviceTypes[i])) return static_cast<DeviceType>(i);
  }
  return DeviceType::desktop;
}

std::optional<Scheme> parse_scheme(std::string_view word) {
  if (word == "https") return Scheme::https;
  if (word == "http") return Scheme::http;
  return std::nullopt;
}

std::string Version::to_string() const {
  return std::to_string(major) + '.' + std::to_string(minor);
}

std::optional<Version> Version::parse(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto major = parse_number(text.substr(0, dot));
  const auto minor = parse_number(text.substr(dot + 1));
  if (!major || !minor) return std::nullopt;
  return Version{*major, *minor};
}

std::string Endpoint::url() const {
  std::string result{lsend::to_string(scheme)};
  result += "://";
  result += is_ipv6(host) ? '[' + host + ']' : host;
  return result + ':' + std::to_string(port);
}

std::string Endpoint::authority() const {
  const std::string bare = host.substr(0, host.find('%'));
  return (is_ipv6(bare) ? '[' + bare + ']' : bare) + ':' + std::to_string(port);
}

}  // namespace lsend
