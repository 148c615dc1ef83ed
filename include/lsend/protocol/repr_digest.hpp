#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lsend::protocol {

/// The field that states what was stored (RFC 9530, section 3). Apps other than lsend neither send
/// nor read it.
inline constexpr std::string_view kReprDigest = "Repr-Digest";

/// "sha-256=:...:" for 64 lower-case hex digits.
std::string repr_digest(std::string_view sha256);

/// The SHA-256 in a Repr-Digest as lower-case hex; nothing when it has none that is well-formed.
std::optional<std::string> sha256_of_repr_digest(std::string_view field);

}  // namespace lsend::protocol
