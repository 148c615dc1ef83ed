#include "lsend/transfer/send_plan.hpp"

#include "script.hpp"

using namespace lsend;
using namespace lsend::transfer;

namespace {

SendPlan plan_of(const std::vector<std::string>& ids) { return SendPlan(offer(ids).files); }

PrepareUploadReply reply_for(const std::vector<std::string>& ids) {
  PrepareUploadReply reply;
  reply.session = SessionId("s");
  for (const auto& id : ids) reply.tokens.emplace_back(FileId(id), Token("token-" + id));
  return reply;
}

SendPlan accepted_plan(const std::vector<std::string>& ids) {
  auto plan = plan_of(ids);
  REQUIRE(plan.accepted(reply_for(ids)).has_value());
  return plan;
}

Error error_of(Errc code) { return {code, "it broke"}; }

}  // namespace

TEST_CASE("files go out in order, and all done is success") {
  auto plan = accepted_plan({"a", "b"});
  CHECK(plan.next() == std::size_t{0});
  CHECK(plan.files()[0].status == SendStatus::sending);
  CHECK(plan.files()[0].token == Token("token-a"));
  CHECK(plan.next() == std::size_t{1});
  CHECK(plan.next() == std::nullopt);
  plan.done(1);
  CHECK(plan.totals().open == 1);
  plan.done(0);
  CHECK(plan.verdict().has_value());
  CHECK(plan.totals().bytes_done == 20);
}

TEST_CASE("what the peer accepted") {
  struct Case {
    std::vector<std::string> tokens;
    bool ok;
    std::size_t accepted, skipped, unknown;
  };
  const std::vector<Case> cases = {
      {{"a", "b", "c"}, true, 3, 0, 0}, {{"c"}, true, 1, 2, 0}, {{"c", "c"}, true, 1, 2, 0},
      {{"c", "x"}, true, 1, 2, 1},      {{}, true, 0, 3, 0},    {{"x", "y"}, false, 0, 0, 0},
  };
  for (const auto& c : cases) {
    INFO(c.tokens.size() << " tokens");
    auto plan = plan_of({"a", "b", "c"});
    auto result = plan.accepted(reply_for(c.tokens));
    REQUIRE(result.has_value() == c.ok);
    if (!result) {
      CHECK(result.error() == Error(Errc::protocol,
                                    "the peer accepted 2 files that were never offered and none "
                                    "of ours"));
      continue;
    }
    CHECK(result->accepted == c.accepted);
    CHECK(result->skipped == c.skipped);
    CHECK(result->unknown == c.unknown);
    CHECK(plan.totals().skipped == c.skipped);
    CHECK(plan.next().has_value() == (c.accepted > 0));
  }
}

TEST_CASE("what follows a failed attempt") {
  using enum NextStep;
  struct Case {
    Errc code;
    std::vector<NextStep> steps;
  };
  const std::vector<Case> cases = {
      {Errc::checksum_mismatch, {retry_now, retry_now, give_up}},
      {Errc::unreachable, {retry_now, retry_later, give_up}},
      {Errc::timed_out, {retry_now, retry_later, give_up}},
      {Errc::failed, {retry_now, retry_later, give_up}},
      {Errc::too_many_requests, {retry_later, retry_later, give_up}},
      {Errc::forbidden, {give_up}},
      {Errc::declined, {give_up}},
      {Errc::io, {give_up}},
      {Errc::protocol, {give_up}},
      {Errc::limit, {give_up}},
      {Errc::bad_request, {give_up}},
      {Errc::pin_required, {give_up}},
      {Errc::busy, {stop_session}},
      {Errc::identity, {stop_session}},
      {Errc::cancelled, {stop_session}},
      {Errc::interrupted, {stop_session}},
      {Errc::terminated, {stop_session}},
  };
  for (const auto& c : cases) {
    INFO("code " << static_cast<int>(c.code));
    auto plan = accepted_plan({"a"});
    const auto file = plan.next();
    REQUIRE(file);
    for (std::size_t i = 0; i < c.steps.size(); ++i) {
      CHECK(plan.failed(*file, error_of(c.code)) == c.steps[i]);
      const bool last = i + 1 == c.steps.size();
      CHECK(plan.files()[0].status == (last ? SendStatus::failed : SendStatus::sending));
      CHECK(plan.files()[0].attempts == i + (last ? 1 : 2));
    }
    REQUIRE(!plan.verdict());
    CHECK(plan.verdict().error() == error_of(c.code));
  }
}

TEST_CASE("an attempt refused after a break is given up") {
  auto plan = accepted_plan({"a"});
  plan.next();
  CHECK(plan.failed(0, error_of(Errc::unreachable)) == NextStep::retry_now);
  CHECK(plan.failed(0, error_of(Errc::forbidden)) == NextStep::give_up);
}

TEST_CASE("the verdict counts and names") {
  SECTION("one failed of three") {
    auto plan = accepted_plan({"a", "b", "c"});
    while (plan.next()) {
    }
    plan.done(0);
    plan.done(2);
    plan.failed(1, error_of(Errc::io));
    CHECK(plan.verdict().error() ==
          Error(Errc::partial, "1 of 3 files was not sent: 1 failed (first: 'b.txt': it broke)"));
  }
  SECTION("one failed, one skipped") {
    auto plan = plan_of({"a", "b", "c", "d", "e"});
    REQUIRE(plan.accepted(reply_for({"a", "b", "c", "d"})).has_value());
    while (plan.next()) {
    }
    plan.failed(0, error_of(Errc::io));
    for (std::size_t i = 1; i < 4; ++i) plan.done(i);
    CHECK(plan.verdict().error() ==
          Error(Errc::partial,
                "2 of 5 files were not sent: 1 skipped by the receiver, 1 failed (first: 'a.txt': "
                "it broke)"));
  }
  SECTION("all alike") {
    auto plan = accepted_plan({"a", "b"});
    plan.next();
    plan.abandon(error_of(Errc::unreachable));
    CHECK(plan.verdict().error() ==
          Error(Errc::unreachable,
                "2 of 2 files were not sent: 2 failed (first: 'a.txt': it broke)"));
  }
  SECTION("all failed, each in its way") {
    auto plan = accepted_plan({"a", "b"});
    plan.next();
    plan.next();
    plan.failed(0, error_of(Errc::io));
    plan.failed(1, error_of(Errc::forbidden));
    CHECK(plan.verdict().error().code() == Errc::partial);
  }
  SECTION("nothing wanted") {
    auto plan = plan_of({"a", "b"});
    plan.nothing_wanted();
    CHECK(plan.next() == std::nullopt);
    CHECK(plan.verdict().error() ==
          Error(Errc::declined, "the receiver wants none of the 2 files"));
  }
  SECTION("not tried to the end") {
    auto plan = accepted_plan({"a", "b"});
    plan.next();
    plan.done(0);
    plan.next();
    CHECK(plan.verdict().error() ==
          Error(Errc::partial, "1 of 2 files was not sent: 1 not tried to the end"));
  }
  SECTION("names are shown harmless") {
    auto files = offer({"a"}).files;
    files.push_back(files[0]);
    files[0].file_name = "a\x1b[2J";
    files[1].id = FileId("b");
    SendPlan plan(files);
    plan.abandon(error_of(Errc::io));
    CHECK(plan.verdict().error().message().find('\x1b') == std::string::npos);
  }
}

TEST_CASE("abandoning leaves what was done and what was skipped") {
  auto plan = plan_of({"a", "b", "c"});
  REQUIRE(plan.accepted(reply_for({"a", "b"})).has_value());
  plan.next();
  plan.done(0);
  plan.abandon(error_of(Errc::cancelled));
  CHECK(plan.files()[0].status == SendStatus::done);
  CHECK(plan.files()[1].status == SendStatus::failed);
  CHECK(plan.files()[1].error == error_of(Errc::cancelled));
  CHECK(plan.files()[2].status == SendStatus::skipped);
  CHECK(plan.next() == std::nullopt);
}
