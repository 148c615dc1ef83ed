#include "send_script.hpp"

using namespace lsend;
using namespace lsend::transfer;

TEST_CASE("the verdict counts and names") {
  SECTION("one failed of three") {
    auto plan = accepted_plan({"a", "b", "c"});
    while (plan.next()) {
    }
    plan.done(0);
    plan.done(2);
    (void)plan.failed(1, failure_of(Errc::io));
    CHECK(plan.verdict().error() ==
          Error(Errc::partial, "1 of 3 files was not sent: 1 failed (first: 'b.txt': it broke)"));
  }
  SECTION("one failed, one skipped") {
    auto plan = plan_of({"a", "b", "c", "d", "e"});
    REQUIRE(plan.accepted(reply_for({"a", "b", "c", "d"})).has_value());
    while (plan.next()) {
    }
    (void)plan.failed(0, failure_of(Errc::io));
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
    (void)plan.failed(0, failure_of(Errc::io));
    (void)plan.failed(1, failure_of(Errc::forbidden, true));
    CHECK(plan.verdict().error().code() == Errc::partial);
  }
  SECTION("nothing wanted, for it is all there") {
    auto plan = plan_of({"a", "b"});
    plan.nothing_wanted(true);
    CHECK(plan.next() == std::nullopt);
    CHECK(plan.verdict().has_value());
    CHECK(plan.totals().skipped == 2);
    CHECK(plan.totals().present == 2);
  }
  SECTION("nothing wanted, without a reason") {
    auto plan = plan_of({"a", "b"});
    plan.nothing_wanted(false);
    CHECK(plan.next() == std::nullopt);
    CHECK(plan.verdict().error() ==
          Error(Errc::declined, "the receiver wants none of the 2 files"));
    CHECK(plan.totals().present == 0);
  }
  SECTION("some are there, and the rest was sent") {
    auto plan = plan_of({"a", "b", "c"});
    auto reply = reply_for({"b"});
    reply.present = {FileId("a"), FileId("c"), FileId("c"), FileId("nobody")};
    const auto taken = plan.accepted(reply);
    REQUIRE(taken.has_value());
    CHECK(taken->skipped == 2);
    CHECK(taken->present == 2);
    plan.next();
    plan.done(1);
    CHECK(plan.verdict().has_value());
  }
  SECTION("some are there, and one is not wanted") {
    auto plan = plan_of({"a", "b", "c"});
    auto reply = reply_for({});
    reply.present = {FileId("a"), FileId("c")};
    REQUIRE(plan.accepted(reply).has_value());
    CHECK(plan.verdict().error() ==
          Error(Errc::partial, "1 of 3 files was not sent: 1 skipped by the receiver"));
  }
  SECTION("none taken") {
    auto plan = plan_of({"a", "b"});
    REQUIRE(plan.accepted(reply_for({})).has_value());
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
  SECTION("what could not be sent counts, is never offered, and is not tried again") {
    auto plan = plan_of({"a", "b"});
    FileInfo secret;
    secret.file_name = "secret";
    secret.size = 1000;
    plan.add_unsendable(secret, Error(Errc::io, "cannot read 'secret': Permission denied"));
    CHECK(plan.offer() == std::vector<std::size_t>{0, 1});
    REQUIRE(plan.accepted(reply_for({"a", "b"})).has_value());
    while (plan.next()) {
    }
    plan.done(0);
    plan.done(1);
    CHECK(plan.verdict().error() ==
          Error(Errc::partial,
                "1 of 3 files was not sent: 1 failed (first: 'secret': cannot read 'secret': "
                "Permission denied)"));
    CHECK(plan.totals().failed == 1);
    CHECK(plan.totals().unsendable == 1);
    CHECK(plan.totals().bytes_total == plan.totals().bytes_done);
    CHECK(plan.reopen() == 0);
  }
  SECTION("what could not be sent, and the rest is there already") {
    auto plan = plan_of({"a"});
    plan.add_unsendable(FileInfo(), error_of(Errc::io));
    plan.offer();
    plan.nothing_wanted(true);
    CHECK(plan.verdict().error() ==
          Error(Errc::partial, "1 of 2 files was not sent: 1 failed (first: '': it broke)"));
  }
  SECTION("what could not be sent, and the rest is not wanted") {
    auto plan = plan_of({"a"});
    plan.add_unsendable(FileInfo(), error_of(Errc::io));
    REQUIRE(plan.accepted(reply_for({})).has_value());
    CHECK(plan.verdict().error().code() == Errc::declined);
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
