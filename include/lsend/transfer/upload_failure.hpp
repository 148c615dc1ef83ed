#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lsend/model/result.hpp"
#include "lsend/model/time.hpp"

namespace lsend::transfer {

/// Why an upload attempt failed, and what the peer said beside its status.
struct UploadFailure {
  Error error;
  bool decided = false;      ///< a 5xx with words: the peer knows what it says
  bool unconnected = false;  ///< there was nobody to send to
  std::uint64_t moved = 0;   ///< bytes of the body that went out
  bool sent_all = false;     ///< the whole body: only the answer may be missing
  std::optional<Duration> retry_after;
};

/// What a failure says of the file, the session and the peer (reliability.md 7.3).
enum class FailureCause : std::uint8_t {
  damaged,     ///< other bytes arrived than were read here
  broke,       ///< the connection, or a peer that does not know what it says
  forbidden,   ///< the token is not good, or not any more
  no_session,  ///< the peer knows of no session
  too_many,    ///< at this time
  called_off,  ///< by somebody, or someone else answers: nothing more may go out
  lasting,     ///< it would be the same again
};

FailureCause cause_of(const UploadFailure& failure);

/// Is this what a peer that was lost, or has given a file up, says or does not say afterwards? Then
/// what came before is the cause, and is told.
bool follows_a_break(Errc code);

/// How long a 429 without a time in it makes us wait.
inline constexpr Duration kUsuallyTold = std::chrono::seconds(10);

/// How long a 429 makes us wait: what Retry-After says in seconds, up to a minute, else
/// kUsuallyTold. A date is none (peers on a LAN need not share our clock).
Duration wait_told(std::string_view retry_after);

}  // namespace lsend::transfer
