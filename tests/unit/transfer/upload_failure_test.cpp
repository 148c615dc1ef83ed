#include "lsend/transfer/upload_failure.hpp"

#include "send_script.hpp"

using namespace lsend;
using namespace lsend::transfer;

TEST_CASE("how long a 429 makes us wait") {
  using namespace std::chrono_literals;
  CHECK(wait_told("0") == 0s);
  CHECK(wait_told("7") == 7s);
  CHECK(wait_told("60") == 60s);
  for (const char* odd : {"", "61", "99999999", "99999999999999999999999", "-1", "1.5", "5 s",
                          "Wed, 21 Oct 2026 07:28:00 GMT"})
    CHECK(wait_told(odd) == 10s);
}

TEST_CASE("what a failure says") {
  using enum FailureCause;
  struct Case {
    Errc code;
    FailureCause undecided, decided;
  };
  for (const auto& c : std::initializer_list<Case>{
           {Errc::checksum_mismatch, damaged, damaged},
           {Errc::unreachable, broke, broke},
           {Errc::failed, broke, lasting},
           {Errc::shutting_down, broke, lasting},
           {Errc::forbidden, forbidden, forbidden},
           {Errc::busy, no_session, no_session},
           {Errc::too_many_requests, too_many, too_many},
           {Errc::identity, called_off, called_off},
           {Errc::plain_http, called_off, called_off},
           {Errc::cloned, called_off, called_off},
           {Errc::interrupted, called_off, called_off},
           {Errc::io, lasting, lasting},
       }) {
    INFO(static_cast<int>(c.code));
    CHECK(cause_of(failure_of(c.code)) == c.undecided);
    CHECK(cause_of(failure_of(c.code, true)) == c.decided);
  }
}
