#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <utility>

namespace lsend {

/// What went wrong, seen from the place that has to act on it. Two tables turn it into numbers and
/// nothing else does: `http_status()` (protocol/status.hpp) and `exit_code()` (cmd/exit_code.hpp).
enum class Errc : std::uint8_t {
  failed,             ///< anything unforeseen
  usage,              ///< bad option, value or file given by the user
  not_found,          ///< no such target
  ambiguous,          ///< several targets match
  unreachable,        ///< refused, no route, peer went away
  handshake,          ///< a connection was accepted and broke off before TLS was agreed
  identity,           ///< certificate or TLS failure, or our own key is unusable
  plain_http,         ///< TLS was answered in plain HTTP
  cloned,             ///< another host has our identity
  pin_required,       ///< a PIN is needed and none was given
  pin_wrong,          ///< the PIN given is not the one
  pin_locked,         ///< too many wrong PINs
  declined,           ///< the peer (or our policy) said no
  busy,               ///< another session is running
  partial,            ///< some of it done, some not
  io,                 ///< local file unreadable, unwritable or changed
  no_space,           ///< disk or quota full
  name_refused,       ///< a file name that would leave the folder or cannot be stored
  name_taken,         ///< something of this name is there, and nothing may replace it
  size_mismatch,      ///< more or fewer bytes than announced
  checksum_mismatch,  ///< sha256 differs
  port,               ///< cannot listen
  timed_out,          ///< a wait reached its limit
  limit,              ///< a size, count or space limit of ours
  protocol,           ///< the peer's answer is not understood
  cancelled,          ///< the peer or our user called it off
  interrupted,        ///< SIGINT
  terminated,         ///< SIGTERM
  hung_up,            ///< SIGHUP
  quit,               ///< SIGQUIT
  bad_request,        ///< malformed request
  self_discovered,    ///< the caller is this device
  forbidden,          ///< wrong session, token or address; a browser's cross-site request
  unknown_route,      ///< no such path
  unknown_method,     ///< path known, method not
  length_required,    ///< body without a length
  target_too_long,    ///< request target over its limit
  unsupported_media,  ///< compressed JSON
  expectation,        ///< Expect with anything but 100-continue
  too_many_requests,  ///< a rate limit
  head_too_large,     ///< request head over its limit
  transfer_coding,    ///< a transfer coding other than chunked
  shutting_down,      ///< this process is on its way out
};

/// May the same succeed a little later, without anybody changing anything? What --retry tries again
/// and what JSON and the exit codes call temporary.
bool is_temporary(Errc code);

/// Did somebody ask this process to stop, by a signal?
bool is_stop(Errc code);

/// An error is a code to act on and a sentence to read: what failed, which one, why, and how to
/// mend it. The sentence is for this machine's user; peers get the constant text of http_status().
class Error {
 public:
  Error() = default;
  Error(Errc code, std::string message) : code_(code), message_(std::move(message)) {}

  Errc code() const { return code_; }
  const std::string& message() const { return message_; }

  friend bool operator==(const Error&, const Error&) = default;

 private:
  Errc code_ = Errc::failed;
  std::string message_;
};

/// Called by `Result<T>::value()` when there is none.
[[noreturn]] void throw_exception_from_error(const Error& error,
                                             const boost::source_location& where);

template <class T = void>
using Result = boost::system::result<T, Error>;

inline Error fail(Errc code, std::string message) { return Error{code, std::move(message)}; }

/// Appends the text of `errno`: "cannot open 'x': No such file or directory".
Error fail_errno(Errc code, std::string message, int error_number);

}  // namespace lsend
