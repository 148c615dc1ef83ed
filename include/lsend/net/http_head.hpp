#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lsend/model/result.hpp"

namespace lsend::net {

constexpr std::size_t kMaxHead = 16 * 1024;
constexpr std::size_t kMaxFields = 100;
constexpr std::size_t kMaxTarget = 8 * 1024;

/// How a message's body ends.
struct Framing {
  bool chunked = false;
  std::optional<std::uint64_t> content_length;

  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

/// What a server has to know of a request.
struct RequestHead {
  std::string method;
  std::string target;  ///< as sent: not decoded
  std::string content_type;
  std::string content_encoding;
  Framing framing;
  bool keep_alive = true;
  bool expects_continue = false;
  bool cross_site = false;  ///< a browser says that another site's page made this request
};

/// What a client has to know of an answer.
struct ResponseHead {
  unsigned status = 0;
  Framing framing;
  bool keep_alive = true;
  bool until_close = false;  ///< neither chunked nor with a length
  std::string content_type;
  std::string content_encoding;
  std::string retry_after;
  std::string repr_digest;
  std::string present;  ///< Lsend-Present
};

/// Parse one whole head, final blank line included. On top of what Beast refuses (both TE and CL,
/// bad lengths, bad characters) they refuse what it lets through (reliability.md 2): transfer
/// codings other than exactly "chunked" (Errc::transfer_coding), 1.1 without or with two Host
/// fields, other expectations (Errc::expectation), over 100 fields (Errc::head_too_large), targets
/// over 8 KiB (Errc::target_too_long), folded fields. All else that is malformed:
/// Errc::bad_request.
Result<RequestHead> parse_request_head(std::string_view head);
/// Errors are Errc::protocol.
Result<ResponseHead> parse_response_head(std::string_view head);

/// The reason phrase of a status line.
std::string_view reason_phrase(unsigned status);

}  // namespace lsend::net
