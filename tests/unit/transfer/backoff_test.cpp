#include "lsend/transfer/backoff.hpp"

#include "catch.hpp"

using namespace lsend;
using namespace lsend::transfer;

TEST_CASE("pauses double up to the longest, spread by a quarter") {
  using namespace std::chrono_literals;
  Backoff middle(500ms, 1500ms);
  CHECK(middle.next(0.5) == 500ms);
  CHECK(middle.next(0.5) == 1000ms);
  CHECK(middle.next(0.5) == 1500ms);
  CHECK(middle.next(0.5) == 1500ms);
  CHECK(Backoff(1s, 1s).next(0) == 750ms);
  CHECK(Backoff(1s, 1s).next(1) == 1250ms);
}
