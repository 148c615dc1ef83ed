#include "cmd/exit_code.hpp"

namespace lsend::cmd {

namespace {

ExitCode row_of(Errc code) {
  switch (code) {
    case Errc::failed:
      break;
    case Errc::usage:
    case Errc::self_discovered:
      return {2, "usage"};
    case Errc::not_found:
      return {3, "not_found"};
    case Errc::ambiguous:
      return {4, "ambiguous"};
    case Errc::unreachable:
    case Errc::handshake:
    case Errc::shutting_down:
      return {5, "unreachable"};
    case Errc::identity:
    case Errc::plain_http:
    case Errc::cloned:
      return {6, "identity"};
    case Errc::pin_required:
    case Errc::pin_wrong:
    case Errc::pin_locked:
      return {7, "pin"};
    case Errc::declined:
    case Errc::name_taken:
    case Errc::cancelled:
    case Errc::forbidden:
      return {8, "declined"};
    case Errc::busy:
    case Errc::too_many_requests:
      return {9, "busy"};
    case Errc::partial:
      return {10, "partial"};
    case Errc::io:
    case Errc::no_space:
    case Errc::name_refused:
      return {11, "io"};
    case Errc::size_mismatch:
    case Errc::checksum_mismatch:
      return {12, "integrity"};
    case Errc::port:
      return {13, "port"};
    case Errc::timed_out:
      return {14, "timeout"};
    case Errc::limit:
      return {15, "limit"};
    case Errc::protocol:
    case Errc::bad_request:
    case Errc::unknown_route:
    case Errc::unknown_method:
    case Errc::length_required:
    case Errc::target_too_long:
    case Errc::unsupported_media:
    case Errc::expectation:
    case Errc::head_too_large:
    case Errc::transfer_coding:
      return {16, "protocol"};
    case Errc::interrupted:
      return {130, "interrupted"};
    case Errc::terminated:
      return {143, "interrupted"};
    case Errc::hung_up:
      return {129, "interrupted"};
    case Errc::quit:
      return {131, "interrupted"};
  }
  return {1, "failed"};
}

}  // namespace

std::string_view hint_of(Errc code) {
  switch (code) {
    case Errc::usage:
      return "'lsend --help' and lsend(1) tell how it is called";
    case Errc::not_found:
      return "'lsend discover' shows who is there, 'lsend doctor' what is wrong with this network";
    case Errc::ambiguous:
      return "name one of them by fp:HEX or by its address";
    case Errc::unreachable:
    case Errc::handshake:
      return "is the other device awake and in this network? 'lsend doctor' checks this machine";
    case Errc::pin_required:
    case Errc::pin_wrong:
      return "give the receiver's PIN by --pin-file or LSEND_PIN";
    case Errc::busy:
      return "--wait 5m waits until the other transfer has ended";
    case Errc::no_space:
      return "free some space or name another folder";
    case Errc::port:
      return "--port names another port, 0 takes any free one";
    default:
      return {};
  }
}

ExitCode exit_code(Errc code) {
  auto row = row_of(code);
  row.temporary = is_temporary(code);
  return row;
}

}  // namespace lsend::cmd
