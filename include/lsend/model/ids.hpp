#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace lsend {

/// A string that means one thing only, so that a token is never passed where a file id belongs.
template <class Tag>
class StringId {
 public:
  StringId() = default;
  explicit StringId(std::string value) : value_(std::move(value)) {}

  const std::string& str() const { return value_; }
  bool empty() const { return value_.empty(); }

  friend bool operator==(const StringId&, const StringId&) = default;
  friend auto operator<=>(const StringId&, const StringId&) = default;

 private:
  std::string value_;
};

using FileId = StringId<struct FileIdTag>;        ///< chosen by the sender, unique in a session
using SessionId = StringId<struct SessionIdTag>;  ///< chosen by the receiver; empty in v1
using Token = StringId<struct TokenTag>;          ///< chosen by the receiver, one a file
/// An IP address in text with its IPv6 zone ("fe80::1%3"), v4-mapped forms reduced to IPv4.
using PeerAddress = StringId<struct PeerAddressTag>;

/// The name of a device: SHA-256 over its certificate's DER, 64 upper-case hex digits
/// (protocol.md 2.4). Peers without TLS may send any text; it is kept as it is.
class Fingerprint {
 public:
  Fingerprint() = default;
  /// A text of hex digits only is made upper-case, so that == ignores its case.
  explicit Fingerprint(std::string_view text);
  static Fingerprint from_digest(const std::array<std::uint8_t, 32>& sha256);

  const std::string& str() const { return value_; }
  bool empty() const { return value_.empty(); }
  /// 64 hex digits: the only form that a certificate can prove.
  bool is_sha256() const;
  /// The first eight digits, for people.
  std::string brief() const { return value_.substr(0, 8); }
  /// Case does not matter.
  bool starts_with(std::string_view hex_prefix) const;

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
  friend auto operator<=>(const Fingerprint&, const Fingerprint&) = default;

 private:
  std::string value_;
};

/// Compares in a time that depends on the lengths only (tokens, PINs, fingerprints).
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace lsend

template <class Tag>
struct std::hash<lsend::StringId<Tag>> {
  std::size_t operator()(const lsend::StringId<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};

template <>
struct std::hash<lsend::Fingerprint> {
  std::size_t operator()(const lsend::Fingerprint& f) const noexcept {
    return std::hash<std::string>{}(f.str());
  }
};
