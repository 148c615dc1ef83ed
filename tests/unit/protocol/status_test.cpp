#include "lsend/protocol/status.hpp"

#include "catch.hpp"

namespace lsend::protocol {
namespace {

TEST_CASE("The statuses that peers act on") {
  struct Case {
    Errc code;
    unsigned status;
    const char* message;
  };
  const Case cases[] = {
      {Errc::bad_request, 400, "Bad request"},
      {Errc::name_refused, 400, "File name not allowed"},
      {Errc::size_mismatch, 400, "Size mismatch"},
      {Errc::pin_required, 401, "PIN required"},
      {Errc::pin_wrong, 401, "Invalid PIN"},
      {Errc::declined, 403, "Rejected"},
      {Errc::cancelled, 403, "Cancelled by sender"},
      {Errc::forbidden, 403, "Forbidden"},
      {Errc::unknown_route, 404, "Not found"},
      {Errc::unknown_method, 405, "Method not allowed"},
      {Errc::timed_out, 408, "Request timed out"},
      {Errc::busy, 409, "Blocked by another session"},
      {Errc::length_required, 411, "Length required"},
      {Errc::self_discovered, 412, "Self-discovered"},
      {Errc::limit, 413, "Request too large"},
      {Errc::target_too_long, 414, "Request target too long"},
      {Errc::unsupported_media, 415, "Unsupported content encoding"},
      {Errc::expectation, 417, "Expectation failed"},
      {Errc::checksum_mismatch, 422, "Checksum mismatch"},
      {Errc::pin_locked, 429, "Too many attempts."},
      {Errc::too_many_requests, 429, "Too many requests"},
      {Errc::head_too_large, 431, "Request head too large"},
      {Errc::failed, 500, "Internal error"},
      {Errc::io, 500, "Cannot store the file"},
      {Errc::no_space, 500, "Not enough space"},
      {Errc::transfer_coding, 501, "Transfer coding not supported"},
      {Errc::shutting_down, 503, "Shutting down"},
  };
  for (const Case& c : cases) {
    INFO(c.message);
    CHECK(http_status(c.code).code == c.status);
    CHECK(http_status(c.code).message == c.message);
  }
}

TEST_CASE("Every error has a status of a refusal and a text") {
  for (int i = 0; i <= static_cast<int>(Errc::shutting_down); ++i) {
    const Status status = http_status(static_cast<Errc>(i));
    CHECK(status.code >= 400);
    CHECK(status.code < 600);
    CHECK_FALSE(status.message.empty());
  }
}

TEST_CASE("What a peer's refusal means") {
  CHECK(errc_of_status(401, Action::prepare_upload) == Errc::pin_required);
  CHECK(errc_of_status(403, Action::prepare_upload) == Errc::declined);
  CHECK(errc_of_status(403, Action::upload) == Errc::forbidden);
  CHECK(errc_of_status(404, Action::info) == Errc::unknown_route);
  CHECK(errc_of_status(409, Action::prepare_upload) == Errc::busy);
  CHECK(errc_of_status(412, Action::info) == Errc::self_discovered);
  CHECK(errc_of_status(413, Action::prepare_upload) == Errc::limit);
  CHECK(errc_of_status(422, Action::upload) == Errc::checksum_mismatch);
  CHECK(errc_of_status(429, Action::prepare_upload) == Errc::too_many_requests);
  CHECK(errc_of_status(400, Action::prepare_upload) == Errc::protocol);
  CHECK(errc_of_status(302, Action::info) == Errc::protocol);
  CHECK(errc_of_status(500, Action::upload) == Errc::failed);
  CHECK(errc_of_status(503, Action::upload) == Errc::shutting_down);
}

}  // namespace
}  // namespace lsend::protocol
