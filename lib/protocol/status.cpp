#include "lsend/protocol/status.hpp"

#include <utility>

namespace lsend::protocol {

Status http_status(Errc code) {
  switch (code) {
    case Errc::bad_request:
      return {400, "Bad request"};
    case Errc::name_refused:
      return {400, "File name not allowed"};
    case Errc::size_mismatch:
      return {400, "Size mismatch"};
    case Errc::pin_required:
      return {401, "PIN required"};
    case Errc::pin_wrong:
      return {401, "Invalid PIN"};
    case Errc::declined:
      return {403, "Rejected"};
    case Errc::name_taken:
      return {403, "File exists already"};
    case Errc::cancelled:
      return {403, "Cancelled by sender"};
    case Errc::forbidden:
      return {403, "Forbidden"};
    case Errc::identity:
      return {403, "Certificate not accepted"};
    case Errc::unknown_route:
      return {404, "Not found"};
    case Errc::unknown_method:
      return {405, "Method not allowed"};
    case Errc::timed_out:
      return {408, "Request timed out"};
    case Errc::busy:
      return {409, "Blocked by another session"};
    case Errc::length_required:
      return {411, "Length required"};
    case Errc::self_discovered:
      return {412, "Self-discovered"};
    case Errc::limit:
      return {413, "Request too large"};
    case Errc::target_too_long:
      return {414, "Request target too long"};
    case Errc::unsupported_media:
      return {415, "Unsupported content encoding"};
    case Errc::expectation:
      return {417, "Expectation failed"};
    case Errc::checksum_mismatch:
      return {422, "Checksum mismatch"};
    case Errc::pin_locked:
      return {429, "Too many attempts."};
    case Errc::too_many_requests:
      return {429, "Too many requests"};
    case Errc::head_too_large:
      return {431, "Request head too large"};
    case Errc::io:
      return {500, "Cannot store the file"};
    case Errc::no_space:
      return {500, "Not enough space"};
    case Errc::transfer_coding:
      return {501, "Transfer coding not supported"};
    case Errc::shutting_down:
    case Errc::interrupted:
    case Errc::terminated:
    case Errc::hung_up:
    case Errc::quit:
      return {503, "Shutting down"};
    // Errors of a command and its user; an answer that hears of one cannot say more.
    case Errc::failed:
    case Errc::usage:
    case Errc::not_found:
    case Errc::ambiguous:
    case Errc::unreachable:
    case Errc::handshake:
    case Errc::plain_http:
    case Errc::cloned:
    case Errc::partial:
    case Errc::port:
    case Errc::protocol:
      break;
  }
  return {500, "Internal error"};
}

namespace {

/// What a status alone says.
Errc errc_of_status(unsigned status, Action action) {
  switch (status) {
    case 401:
      return Errc::pin_required;
    case 403:
      return action == Action::prepare_upload ? Errc::declined : Errc::forbidden;
    case 404:
      return Errc::unknown_route;
    case 408:
      return Errc::unreachable;
    case 409:
      return Errc::busy;
    case 412:
      return Errc::self_discovered;
    case 413:
      return Errc::limit;
    case 422:
      return Errc::checksum_mismatch;
    case 429:
      return Errc::too_many_requests;
    case 503:
      return Errc::shutting_down;
    default:
      return status >= 500 && status <= 599 ? Errc::failed : Errc::protocol;
  }
}

/// Causes that share their status with others: http_status()'s own text tells which it is. What a
/// cause at the receiver is to the sender.
constexpr std::pair<Errc, Errc> kTold[] = {
    {Errc::name_refused, Errc::name_refused}, {Errc::size_mismatch, Errc::size_mismatch},
    {Errc::name_taken, Errc::name_taken},     {Errc::identity, Errc::identity},
    {Errc::pin_locked, Errc::pin_locked},     {Errc::io, Errc::io},
    {Errc::no_space, Errc::limit},
};

}  // namespace

Errc errc_of_refusal(unsigned status, std::string_view words, Action action) {
  for (const auto& [there, here] : kTold) {
    const auto row = http_status(there);
    if (row.code == status && row.message == words) return here;
  }
  // A "no" is also one in the middle of a transfer, a token of no use is not.
  if (status == 403 && words == http_status(Errc::declined).message) return Errc::declined;
  return errc_of_status(status, action);
}

}  // namespace lsend::protocol
