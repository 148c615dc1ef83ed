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

/// What a peer's answer to `action` means to the sender: 401 pin_required, 403 declined on
/// prepare-upload and forbidden elsewhere, 404 unknown_route, 409 busy, 412 self_discovered, 413
/// limit, 422 checksum_mismatch, 429 too_many_requests, 5xx failed, all others protocol. Not for
/// 2xx.
Errc errc_of_status(unsigned status, Action action);

}  // namespace lsend::protocol
