#include "cmd/exit_code.hpp"

#include <set>

#include "catch.hpp"

using namespace lsend;
using namespace lsend::cmd;

TEST_CASE("each error has its exit code, name and temporary flag") {
  struct Row {
    Errc error;
    int code;
    std::string_view name;
    bool temporary;
  };
  const auto row = GENERATE(
      Row{Errc::failed, 1, "failed", false}, Row{Errc::usage, 2, "usage", false},
      Row{Errc::not_found, 3, "not_found", true}, Row{Errc::ambiguous, 4, "ambiguous", false},
      Row{Errc::unreachable, 5, "unreachable", true}, Row{Errc::handshake, 5, "unreachable", true},
      Row{Errc::identity, 6, "identity", false}, Row{Errc::plain_http, 6, "identity", false},
      Row{Errc::cloned, 6, "identity", false},
      Row{Errc::pin_required, 7, "pin", false}, Row{Errc::pin_wrong, 7, "pin", false},
      Row{Errc::pin_locked, 7, "pin", false}, Row{Errc::declined, 8, "declined", false},
      Row{Errc::cancelled, 8, "declined", false}, Row{Errc::name_taken, 8, "declined", false},
      Row{Errc::name_refused, 11, "io", false}, Row{Errc::busy, 9, "busy", true},
      Row{Errc::partial, 10, "partial", false}, Row{Errc::io, 11, "io", false},
      Row{Errc::no_space, 11, "io", false}, Row{Errc::size_mismatch, 12, "integrity", true},
      Row{Errc::checksum_mismatch, 12, "integrity", true}, Row{Errc::port, 13, "port", false},
      Row{Errc::timed_out, 14, "timeout", true}, Row{Errc::limit, 15, "limit", false},
      Row{Errc::protocol, 16, "protocol", false}, Row{Errc::bad_request, 16, "protocol", false},
      Row{Errc::interrupted, 130, "interrupted", false},
      Row{Errc::hung_up, 129, "interrupted", false},
      Row{Errc::terminated, 143, "interrupted", false});
  const auto exit = exit_code(row.error);
  CHECK(exit.code == row.code);
  CHECK(exit.name == row.name);
  CHECK(exit.temporary == row.temporary);
}

TEST_CASE("no error ends as success, and none has a code of its own making") {
  const std::set<int> known{1,  2,  3,  4,  5,  6,  7,  8,   9,   10,
                            11, 12, 13, 14, 15, 16, 129, 130, 131, 143};
  for (int i = 0; i <= static_cast<int>(Errc::shutting_down); ++i)
    CHECK(known.count(exit_code(static_cast<Errc>(i)).code) == 1);
}
