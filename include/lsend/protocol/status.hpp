#pragma once

#include <string_view>

#include "lsend/model/result.hpp"
#include "lsend/protocol/routes.hpp"

namespace lsend::protocol {

struct Status {
  unsigned code;
  std::string_view message;  ///< constant English, no paths, no library text
};

constexpr unsigned kOk = 200;
constexpr unsigned kNoContent = 204;
/// Another lsend says so with a 204 where it has all of the offered files already.
constexpr std::string_view kPresent = "Lsend-Present";
constexpr std::string_view kAllPresent = "all";

/// The one table from our errors to HTTP (reliability.md 4.2, protocol.md 1.3).
Status http_status(Errc code);

/// What a peer's refusal of `action` means to the sender, by its cause. The status says most: 401
/// pin_required, 403 declined on prepare-upload and forbidden elsewhere, 404 unknown_route, 408
/// unreachable (nothing of ours came through), 409 busy, 412 self_discovered, 413 limit, 422
/// checksum_mismatch, 429 too_many_requests, 503 shutting_down, other 5xx failed, all others
/// protocol. `words`, the peer's own, tell causes apart that share a status when they are a text of
/// http_status(): name_refused, size_mismatch, name_taken, identity, pin_locked, io, declined, and
/// limit for a peer that has no space. Not for 2xx.
Errc errc_of_refusal(unsigned status, std::string_view words, Action action);

}  // namespace lsend::protocol
