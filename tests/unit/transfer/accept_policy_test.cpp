#include "lsend/transfer/accept_policy.hpp"

#include <limits>

#include "script.hpp"

using namespace lsend;
using namespace lsend::transfer;

namespace {

constexpr std::uint64_t kPlenty = 1'000'000'000'000;

PrepareUpload message() {
  auto request = offer({"m"});
  request.files[0].preview = "hello";
  return request;
}

}  // namespace

TEST_CASE("who decides about a sender") {
  const auto from = [](const char* text) { return *AcceptSelector::parse(text); };
  const AcceptRules nothing;
  AcceptRules everyone, pin, person, named, program;
  everyone.auto_accept = true;
  pin.pin = true;
  person.person = true;
  person.pin = true;
  named.from = {from("trusted"), from("10.0.0.0/8")};
  named.auto_accept = true;
  named.pin = true;
  program.program = true;
  program.auto_accept = true;
  auto named_person = named, named_program = named;
  named_person.person = true;
  named_program.program = true;
  Sender stranger, friendly, neighbour, blocked;
  stranger.address = PeerAddress("192.168.1.5");
  friendly = stranger;
  friendly.proven = Fingerprint(std::string(64, 'A'));
  friendly.trusted = true;
  neighbour.address = PeerAddress("10.1.2.3");
  blocked = neighbour;
  blocked.blocked = true;
  struct Case {
    const char* what;
    const AcceptRules& rules;
    const Sender& sender;
    bool message;
    Ruling ruling;
  };
  const std::vector<Case> cases = {
      {"no rule", nothing, friendly, false, Ruling::decline},
      {"no rule, a message", nothing, friendly, true, Ruling::decline},
      {"everyone", everyone, stranger, false, Ruling::accept},
      {"a message of everyone", everyone, stranger, true, Ruling::accept},
      {"the PIN is a rule", pin, stranger, false, Ruling::accept},
      {"a person is asked, also after the PIN", person, stranger, false, Ruling::ask_person},
      {"who is asked about a message has read it", person, stranger, true, Ruling::accept},
      {"a name in the list", named, friendly, false, Ruling::accept},
      {"an address in the list", named, neighbour, false, Ruling::accept},
      {"a list leaves others out", named, stranger, false, Ruling::decline},
      {"and their messages", named, stranger, true, Ruling::decline},
      {"others are asked for", named_person, stranger, false, Ruling::ask_person},
      {"those of the list are not", named_person, friendly, false, Ruling::accept},
      {"a program decides", program, stranger, false, Ruling::ask_program},
      {"about messages too", program, stranger, true, Ruling::ask_program},
      {"a program for those out of the list", named_program, stranger, false, Ruling::ask_program},
      {"none for those in it", named_program, neighbour, false, Ruling::accept},
      {"a blocked device", everyone, blocked, false, Ruling::decline},
      {"a blocked one's message", person, blocked, true, Ruling::decline},
      {"a blocked one in the list", named, blocked, false, Ruling::decline},
      {"a blocked one and a program", program, blocked, false, Ruling::decline},
  };
  for (const auto& c : cases) {
    INFO(c.what);
    CHECK(rule_on(c.rules, c.sender, c.message) == c.ruling);
  }
}

TEST_CASE("a request over a limit is refused by the limit's name") {
  AcceptLimits limits;
  limits.max_files = 3;
  limits.max_size = 1'000;
  limits.max_file_size = 600;
  struct Case {
    PrepareUpload request;
    const char* text;  // null = accepted
  };
  const std::vector<Case> cases = {
      {offer({"a", "b", "c"}), nullptr},
      {offer({"a", "b", "c", "d"}), "the request names 4 files, the limit is 3 (--max-files)"},
      {offer({"a"}, 600), nullptr},
      {offer({"a"}, 601), "'a.txt' has 601 B, the limit for one file is 600 B (--max-file-size)"},
      {offer({"a", "b"}, 500), nullptr},
      {offer({"a", "b"}, 501), "the request has 1.00 KB in all, the limit is 1.00 KB (--max-size)"},
  };
  for (const auto& c : cases) {
    const auto fits = check_limits(c.request, limits, kPlenty);
    INFO(c.request.files.size() << " files of " << c.request.files[0].size);
    REQUIRE(fits.has_value() == (c.text == nullptr));
    if (c.text == nullptr) continue;
    CHECK(fits.error() == Error(Errc::limit, c.text));
  }
}

TEST_CASE("sizes whose sum does not fit 64 bits are refused, never wrapped") {
  const auto half = std::uint64_t{1} << 63U;
  CHECK(*total_size(offer({"a", "b"}, half - 1)) == 2 * (half - 1));
  for (const auto& request : {offer({"a", "b"}, half), offer({"a", "b", "c", "d"}, half - 1)}) {
    auto total = total_size(request);
    REQUIRE(!total);
    CHECK(total.error() ==
          Error(Errc::limit, "the sizes of the request's files add up to more than 64 bits hold"));
    CHECK(check_limits(request, {}, kPlenty).error().code() == Errc::limit);
  }
}

TEST_CASE("the disk keeps its reserve") {
  AcceptLimits limits;
  limits.min_free = 100;
  struct Case {
    std::uint64_t size, free;
    bool fits;
  };
  const std::vector<Case> cases = {
      {50, 150, true}, {51, 150, false}, {0, 0, true},   {0, 100, true},
      {1, 100, false}, {1, 99, false},   {1, 101, true}, {std::uint64_t{1} << 62U, 150, false},
  };
  for (const auto& c : cases) {
    INFO(c.size << " of " << c.free);
    const auto fits = check_limits(offer({"a"}, c.size), limits, c.free);
    CHECK(fits.has_value() == c.fits);
    if (!fits) CHECK(fits.error().code() == Errc::no_space);
  }
  // A message takes no room.
  CHECK(check_limits(message(), limits, 0).has_value());
}

TEST_CASE("what broken transfers left counts towards the limit of a session") {
  AcceptLimits limits;
  limits.max_size = 1'000;
  CHECK(check_limits(offer({"a"}, 600), limits, kPlenty, 400).has_value());
  CHECK(check_limits(offer({"a"}, 1'000), limits, kPlenty, 0).has_value());
  CHECK(check_limits(offer({"a"}, 600), limits, kPlenty, 401).error() ==
        Error(Errc::limit,
              "the request has 600 B in all and broken transfers left 401 B in .lsend, the limit "
              "for both is 1.00 KB (--max-size); what they left is removed after a day"));
  CHECK(check_limits(message(), limits, kPlenty, 5'000).has_value());
  limits.max_size.reset();
  CHECK(check_limits(offer({"a"}, 600), limits, kPlenty, 5'000).has_value());
}

TEST_CASE("a file with holes needs the room that it takes, and counts with its size elsewhere") {
  auto request = offer({"sparse"});
  request.files[0].size = 1'000'000'000'000;
  request.files[0].allocated = 5'000;
  AcceptLimits limits;
  limits.min_free = 1'000;
  CHECK(check_limits(request, limits, 6'000).has_value());
  CHECK(check_limits(request, limits, 5'999).error().message() ==
        "the request needs 5.00 KB, the disk has 6.00 KB free and keeps 1.00 KB (--min-free): make "
        "room or lower the reserve");
  // More than all of it is no word to go by.
  request.files[0].allocated = std::numeric_limits<std::uint64_t>::max();
  CHECK(check_limits(request, limits, kPlenty).error().code() == Errc::no_space);
  request.files[0].allocated = 0;
  limits.max_file_size = 999'999'999'999;
  CHECK(check_limits(request, limits, kPlenty).error().code() == Errc::limit);
}
