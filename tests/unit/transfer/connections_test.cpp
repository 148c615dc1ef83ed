#include "lsend/transfer/connections.hpp"

#include "catch.hpp"

namespace lsend::transfer {
namespace {

using std::chrono::microseconds;

TEST_CASE("A delivery begins with few connections") {
  CHECK(first_connections(0) == 0);
  CHECK(first_connections(1) == 1);
  CHECK(first_connections(3) == 3);
  CHECK(first_connections(4) == 4);
  CHECK(first_connections(100'000) == 4);
}

TEST_CASE("More connections only where answers are waited for") {
  struct Row {
    std::size_t files;
    std::uint64_t mean_size;
    microseconds round_trip;
    std::size_t connections;
  };
  constexpr std::uint64_t kSmall = 4096;
  constexpr std::uint64_t kBig = 1'000'000'000;
  for (const Row& row : {
           Row{10'000, kSmall, microseconds(40), 4},      // one host
           Row{10'000, kSmall, microseconds(499), 4},     // a neighbour
           Row{10'000, kSmall, microseconds(1'000), 16},  // a network
           Row{10'000, kBig, microseconds(1'000), 4},     // its files fill the link
           Row{10'000, kBig, microseconds(20'000), 16},   // nothing does
           Row{5, kSmall, microseconds(20'000), 5},
           Row{1, kBig, microseconds(200'000), 1},
       }) {
    INFO(row.files << " files of " << row.mean_size << ", " << row.round_trip.count() << " us");
    CHECK(worthwhile_connections(row.files, row.mean_size, row.round_trip) == row.connections);
  }
}

}  // namespace
}  // namespace lsend::transfer
