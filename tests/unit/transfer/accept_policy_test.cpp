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

TEST_CASE("what a request comes to") {
  struct Case {
    const char* what;
    bool auto_accept;
    PrepareUpload request;
    Decision::Kind kind;
    std::vector<std::size_t> files;
  };
  const std::vector<Case> cases = {
      {"taken", true, offer({"a", "b"}), Decision::Kind::accept, {0, 1}},
      {"nobody said yes", false, offer({"a", "b"}), Decision::Kind::decline, {}},
      {"a message", true, message(), Decision::Kind::message, {}},
      {"a message needs no acceptance", false, message(), Decision::Kind::message, {}},
  };
  for (const auto& c : cases) {
    INFO(c.what);
    auto decision = AcceptPolicy(c.auto_accept, {}).judge(c.request, kPlenty);
    REQUIRE(decision.has_value());
    CHECK(decision->kind == c.kind);
    CHECK(decision->files == c.files);
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
    auto decision = AcceptPolicy(true, limits).judge(c.request, kPlenty);
    INFO(c.request.files.size() << " files of " << c.request.files[0].size);
    REQUIRE(decision.has_value() == (c.text == nullptr));
    if (c.text == nullptr) continue;
    CHECK(decision.error() == Error(Errc::limit, c.text));
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
    CHECK(AcceptPolicy(true, {}).judge(request, kPlenty).error().code() == Errc::limit);
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
    auto decision = AcceptPolicy(true, limits).judge(offer({"a"}, c.size), c.free);
    CHECK(decision.has_value() == c.fits);
    if (!decision) CHECK(decision.error().code() == Errc::no_space);
  }
  CHECK(AcceptPolicy(true, limits).judge(message(), 0).has_value());
}
