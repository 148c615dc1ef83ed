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
      {Errc::name_taken, 403, "File exists already"},
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
  struct Case {
    unsigned status;
    const char* words;
    Action action;
    Errc code;
  };
  const Case cases[] = {
      {401, "", Action::prepare_upload, Errc::pin_required},
      {403, "", Action::prepare_upload, Errc::declined},
      {403, "", Action::upload, Errc::forbidden},
      {404, "", Action::info, Errc::unknown_route},
      {408, "", Action::prepare_upload, Errc::unreachable},
      {408, "", Action::upload, Errc::unreachable},
      {409, "", Action::prepare_upload, Errc::busy},
      {412, "", Action::info, Errc::self_discovered},
      {413, "", Action::prepare_upload, Errc::limit},
      {422, "", Action::upload, Errc::checksum_mismatch},
      {429, "", Action::prepare_upload, Errc::too_many_requests},
      {400, "", Action::prepare_upload, Errc::protocol},
      {302, "", Action::info, Errc::protocol},
      {500, "", Action::upload, Errc::failed},
      {503, "", Action::upload, Errc::shutting_down},
      // The words tell causes apart that share a status, and nothing else does.
      {400, "Something else", Action::upload, Errc::protocol},
      {500, "Bad request", Action::upload, Errc::failed},
      {400, "Not enough space", Action::upload, Errc::protocol},
      {403, "Forbidden", Action::upload, Errc::forbidden},
      {403, "Cancelled by sender", Action::upload, Errc::forbidden},
      {403, "Cancelled by sender", Action::prepare_upload, Errc::declined},
      {500, "Internal error", Action::upload, Errc::failed},
  };
  for (const Case& c : cases) {
    INFO(c.status << " " << c.words);
    CHECK(errc_of_refusal(c.status, c.words, c.action) == c.code);
  }
}

TEST_CASE("A refusal's cause is the same before the first byte and in the middle") {
  struct Case {
    Errc there;
    Errc here;
  };
  const Case cases[] = {
      {Errc::name_refused, Errc::name_refused},
      {Errc::name_taken, Errc::name_taken},
      {Errc::size_mismatch, Errc::size_mismatch},
      {Errc::checksum_mismatch, Errc::checksum_mismatch},
      {Errc::pin_locked, Errc::pin_locked},
      {Errc::too_many_requests, Errc::too_many_requests},
      {Errc::declined, Errc::declined},
      {Errc::identity, Errc::identity},
      {Errc::busy, Errc::busy},
      {Errc::limit, Errc::limit},
      {Errc::no_space, Errc::limit},
      {Errc::io, Errc::io},
      {Errc::timed_out, Errc::unreachable},
      {Errc::shutting_down, Errc::shutting_down},
      {Errc::failed, Errc::failed},
      {Errc::bad_request, Errc::protocol},
      {Errc::length_required, Errc::protocol},
  };
  for (const Case& c : cases) {
    const auto status = http_status(c.there);
    INFO(status.message);
    CHECK(errc_of_refusal(status.code, status.message, Action::prepare_upload) == c.here);
    CHECK(errc_of_refusal(status.code, status.message, Action::upload) == c.here);
  }
}

}  // namespace
}  // namespace lsend::protocol
