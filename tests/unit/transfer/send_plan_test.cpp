#include "lsend/transfer/send_plan.hpp"

#include "send_script.hpp"

using namespace lsend;
using namespace lsend::transfer;

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

TEST_CASE("the peer may name the files in any order, and leave out some") {
  for (const auto& order : std::vector<std::vector<std::string>>{{"a", "b", "c", "d", "e"},
                                                                 {"e", "d", "c", "b", "a"},
                                                                 {"c", "d", "e", "a", "b"},
                                                                 {"b", "c", "e"},
                                                                 {"x", "a", "y", "b", "c"},
                                                                 {"e"},
                                                                 {"d", "x", "e", "y"}}) {
    auto plan = plan_of({"a", "b", "c", "d", "e"});
    REQUIRE(plan.accepted(reply_for(order)).has_value());
    for (const auto& file : plan.files()) {
      const auto& id = file.info.id.str();
      INFO(id);
      const bool named = std::find(order.begin(), order.end(), id) != order.end();
      CHECK(file.status == (named ? SendStatus::waiting : SendStatus::skipped));
      CHECK(file.token.str() == (named ? "token-" + id : ""));
    }
  }
}

TEST_CASE("what follows a failed attempt") {
  using enum NextStep;
  using namespace std::chrono_literals;
  struct Case {
    Errc code;
    bool decided;
    std::vector<std::pair<NextStep, Duration>> steps;
  };
  const std::pair<NextStep, Duration> at_once{retry, 0s}, later{retry, 1s}, over{give_up, 0s},
      told{retry, 10s}, again{read_again, 0s}, stop{stop_session, 0s};
  const std::vector<Case> cases = {
      {Errc::checksum_mismatch, true, {again, again, over}},
      {Errc::unreachable, false, {at_once, later, over}},
      {Errc::handshake, false, {at_once, later, over}},
      {Errc::timed_out, false, {at_once, later, over}},
      {Errc::failed, false, {at_once, later, over}},
      {Errc::failed, true, {over}},
      {Errc::shutting_down, false, {at_once, later, over}},
      {Errc::shutting_down, true, {over}},
      {Errc::too_many_requests, true, {told, over}},
      {Errc::forbidden, true, {over}},
      {Errc::declined, true, {over}},
      {Errc::io, false, {over}},
      {Errc::protocol, true, {over}},
      {Errc::limit, true, {over}},
      {Errc::unsupported_media, true, {over}},
      {Errc::bad_request, true, {over}},
      {Errc::pin_required, true, {over}},
      {Errc::identity, false, {stop}},
      {Errc::cancelled, false, {stop}},
      {Errc::interrupted, false, {stop}},
      {Errc::terminated, false, {stop}},
  };
  for (const auto& c : cases) {
    INFO("code " << static_cast<int>(c.code) << (c.decided ? ", decided" : ""));
    auto plan = accepted_plan({"a"});
    const auto file = plan.next();
    REQUIRE(file);
    for (std::size_t i = 0; i < c.steps.size(); ++i) {
      const auto step = plan.failed(*file, failure_of(c.code, c.decided));
      CHECK(step.next == c.steps[i].first);
      CHECK(step.delay == c.steps[i].second);
      const bool last = i + 1 == c.steps.size();
      CHECK(plan.files()[0].status == (last ? SendStatus::failed : SendStatus::sending));
      CHECK(plan.files()[0].attempts == i + (last ? 1 : 2));
    }
    REQUIRE(!plan.verdict());
    CHECK(plan.verdict().error() == error_of(c.code));
  }
}

TEST_CASE("small files are handed out while the next one is small, and taken back") {
  std::vector<FileInfo> files;
  for (const std::uint64_t size : {10, 20, 5000, 30}) {
    FileInfo info;
    info.id = FileId("f" + std::to_string(files.size()));
    info.file_name = info.id.str();
    info.size = size;
    files.push_back(info);
  }
  SendPlan plan(files);
  plan.offer();
  REQUIRE(plan.accepted(reply_for({"f0", "f1", "f2", "f3"})).has_value());
  CHECK(plan.next(100) == std::size_t{0});
  CHECK(plan.next(100) == std::size_t{1});
  CHECK(plan.next(100) == std::nullopt);
  plan.put_back(1);
  CHECK(plan.files()[1].status == SendStatus::waiting);
  CHECK(plan.files()[1].attempts == 0);
  CHECK(plan.next(19) == std::nullopt);
  CHECK(plan.next(20) == std::size_t{1});
  CHECK(plan.next() == std::size_t{2});
  CHECK(plan.next(100) == std::size_t{3});
  CHECK(plan.next() == std::nullopt);
}

TEST_CASE("a 429 is followed by the pause that it asks for") {
  using namespace std::chrono_literals;
  auto plan = accepted_plan({"a"});
  plan.next();
  auto failure = failure_of(Errc::too_many_requests, true);
  failure.retry_after = 3s;
  CHECK(plan.failed(0, failure).delay == 3s);
}

TEST_CASE("a 429 while others are being sent leaves the file to them") {
  auto plan = accepted_plan({"a", "b", "c"});
  plan.next();
  plan.next();
  CHECK(plan.failed(0, failure_of(Errc::too_many_requests, true)).next == NextStep::fewer_uploads);
  CHECK(plan.files()[0].status == SendStatus::waiting);
  CHECK(plan.failed(1, failure_of(Errc::too_many_requests, true)).next == NextStep::retry);
  plan.done(1);
  CHECK(plan.next() == std::size_t{0});
  CHECK(plan.next() == std::size_t{2});
}

TEST_CASE("what came of trying again does not hide the cause") {
  const Error cause(Errc::unreachable, "nothing moved");
  const auto failure = [](Errc code, bool unconnected = false) {
    UploadFailure made;
    made.error = Error(code, "later");
    made.unconnected = unconnected;
    return made;
  };
  UploadFailure stall;
  stall.error = cause;
  SECTION("the repeat finds nobody, or a handshake that is not answered") {
    for (const auto& later : {failure(Errc::unreachable, true), failure(Errc::handshake, true),
                              failure(Errc::timed_out), failure(Errc::unreachable),
                              failure(Errc::forbidden)}) {
      auto plan = accepted_plan({"a"});
      plan.next();
      CHECK(plan.failed(0, stall).next == NextStep::retry);
      (void)plan.failed(0, later);
      CHECK(plan.files()[0].error == cause);
    }
  }
  SECTION("somebody else answers: that is news") {
    auto plan = accepted_plan({"a"});
    plan.next();
    (void)plan.failed(0, stall);
    CHECK(plan.failed(0, failure(Errc::identity)).next == NextStep::stop_session);
    CHECK(plan.files()[0].error == Error(Errc::identity, "later"));
  }
  SECTION("the peer cannot be asked again") {
    for (const auto code : {Errc::unreachable, Errc::handshake, Errc::busy}) {
      auto plan = accepted_plan({"a", "b"});
      plan.next();
      (void)plan.failed(0, stall);
      plan.abandon(Error(code, "later"));
      CHECK(plan.files()[0].error == cause);
      CHECK(plan.files()[1].error == Error(code, "later"));
    }
    auto plan = accepted_plan({"a"});
    plan.next();
    (void)plan.failed(0, stall);
    plan.abandon(Error(Errc::declined, "later"));
    CHECK(plan.files()[0].error == Error(Errc::declined, "later"));
  }
}

TEST_CASE("403 after a break: its file is offered again, once") {
  auto plan = accepted_plan({"a", "b"});
  plan.next();
  CHECK(plan.failed(0, failure_of(Errc::unreachable)).next == NextStep::retry);
  CHECK(plan.failed(0, failure_of(Errc::forbidden, true)).next == NextStep::ask_again);
  CHECK(plan.files()[0].status == SendStatus::open);
  CHECK(plan.files()[0].error == error_of(Errc::unreachable));
  // The others' tokens may be good.
  CHECK(plan.next() == std::size_t{1});
  plan.done(1);
  CHECK(plan.offer() == std::vector<std::size_t>{0});
  REQUIRE(plan.accepted(reply_for({"a"})).has_value());
  CHECK(plan.next() == std::size_t{0});
  CHECK(plan.failed(0, failure_of(Errc::unreachable)).next == NextStep::retry);
  CHECK(plan.failed(0, failure_of(Errc::forbidden, true)).next == NextStep::give_up);
  CHECK(plan.verdict().error().code() == Errc::partial);
}

TEST_CASE("403 for a file that did not break off itself: the session is lost for all") {
  auto plan = accepted_plan({"a", "b", "c", "d"});
  plan.next();
  plan.done(0);
  plan.next();
  plan.next();
  CHECK(plan.failed(1, failure_of(Errc::unreachable)).next == NextStep::retry);
  CHECK(plan.failed(2, failure_of(Errc::forbidden, true)).next == NextStep::ask_again);
  CHECK(plan.next() == std::nullopt);
  CHECK(plan.failed(1, failure_of(Errc::forbidden, true)).next == NextStep::ask_again);
  CHECK(plan.offer() == std::vector<std::size_t>{1, 2, 3});
}

TEST_CASE("409 to an upload: the session is gone, what is left is offered again, once") {
  auto plan = accepted_plan({"a", "b", "c", "d"});
  plan.next();
  plan.done(0);
  plan.next();
  plan.next();
  CHECK(plan.failed(1, failure_of(Errc::busy, true)).next == NextStep::ask_again);
  CHECK(plan.next() == std::nullopt);
  CHECK(plan.failed(2, failure_of(Errc::busy, true)).next == NextStep::ask_again);
  CHECK(plan.offer() == std::vector<std::size_t>{1, 2, 3});
  REQUIRE(plan.accepted(reply_for({"b", "c", "d"})).has_value());
  CHECK(plan.next() == std::size_t{1});
  CHECK(plan.failed(1, failure_of(Errc::busy, true)).next == NextStep::give_up);
  CHECK(plan.next() == std::nullopt);
  CHECK(!plan.has_open());
  CHECK(plan.totals().failed == 3);
  CHECK(plan.verdict().error().code() == Errc::partial);
  // Another try of the user's is a new delivery.
  CHECK(plan.reopen() == 3);
  CHECK(plan.offer() == std::vector<std::size_t>{1, 2, 3});
  REQUIRE(plan.accepted(reply_for({"b", "c", "d"})).has_value());
  CHECK(plan.next() == std::size_t{1});
  CHECK(plan.failed(1, failure_of(Errc::busy, true)).next == NextStep::ask_again);
}

TEST_CASE("403 from a peer that ends each connection: it may have been restarted between two") {
  auto plan = accepted_plan({"a", "b", "c"});
  plan.next();
  plan.done(0);
  plan.next();
  plan.connection_ended();
  CHECK(plan.failed(1, failure_of(Errc::forbidden, true)).next == NextStep::ask_again);
  CHECK(plan.offer() == std::vector<std::size_t>{1, 2});
}

TEST_CASE("a file that the peer found damaged is read again") {
  auto plan = accepted_plan({"a"});
  plan.next();
  auto now = plan.files()[0].info;
  CHECK(plan.failed(0, failure_of(Errc::checksum_mismatch, true)).next == NextStep::read_again);
  CHECK(plan.checked(0, now).next == NextStep::retry);
  CHECK(plan.files()[0].attempts == 2);
  CHECK(plan.failed(0, failure_of(Errc::checksum_mismatch, true)).next == NextStep::read_again);
  now.size += 1;
  CHECK(plan.checked(0, now).next == NextStep::ask_again);
  CHECK(plan.files()[0].info.size == now.size);
  CHECK(plan.offer() == std::vector<std::size_t>{0});
  REQUIRE(plan.accepted(reply_for({"a"})).has_value());
  plan.next();
  CHECK(plan.failed(0, failure_of(Errc::checksum_mismatch, true)).next == NextStep::read_again);
  now.sha256 = "11";
  CHECK(plan.checked(0, now).next == NextStep::give_up);
  CHECK(plan.verdict().error() == Error(Errc::io, "the file keeps changing while it is sent"));
}

TEST_CASE("offers of a part at a time") {
  SendPlan plan(offer({"a", "b", "c"}).files);
  using Files = std::vector<std::size_t>;
  CHECK(plan.offer(2) == Files{0, 1});
  CHECK(plan.has_open());
  // An offer without an answer is made again.
  CHECK(plan.offer(2) == Files{0, 1});
  const auto taken = plan.accepted(reply_for({"b", "c"}));
  REQUIRE(taken.has_value());
  CHECK(taken->skipped == 1);
  CHECK(taken->unknown == 1);
  CHECK(plan.waiting() == 1);
  CHECK(plan.next() == std::size_t{1});
  CHECK(plan.waiting() == 0);
  plan.done(1);
  CHECK(plan.next() == std::nullopt);
  CHECK(plan.offer(2) == Files{2});
  CHECK(!plan.has_open());
  plan.abandon(error_of(Errc::declined));
  CHECK(plan.totals().failed == 1);
  CHECK(plan.offer(2).empty());
}

TEST_CASE("what failed for a time only can be opened again") {
  auto plan = accepted_plan({"a", "b", "c"});
  while (plan.next()) {
  }
  plan.done(0);
  (void)plan.failed(1, failure_of(Errc::io));
  plan.abandon(error_of(Errc::timed_out));
  CHECK(plan.reopen() == 1);
  CHECK(plan.offer() == std::vector<std::size_t>{2});
}

TEST_CASE("what the peer has stored damaged is not sent a second time beside it") {
  auto plan = accepted_plan({"a"});
  CHECK(plan.next() == std::size_t{0});
  plan.refuted(0, error_of(Errc::checksum_mismatch));
  CHECK(plan.reopen() == 0);
  CHECK(plan.totals().failed == 1);
}

TEST_CASE("files that nobody has begun fail together, those on their way do not") {
  auto plan = accepted_plan({"a", "b", "c"});
  CHECK(plan.next() == std::size_t{0});
  plan.abandon_waiting(error_of(Errc::unreachable));
  CHECK(plan.totals().failed == 2);
  CHECK(plan.totals().open == 1);
  CHECK(plan.next() == std::nullopt);
  CHECK(plan.reopen() == 3);
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

TEST_CASE("digests that come later go into the next offer") {
  auto files = offer({"a", "b", "c"}).files;
  for (auto& file : files) file.sha256.reset();
  files[1].sha256 = "of b";
  SendPlan plan(files);
  plan.offer();
  REQUIRE(plan.accepted(reply_for({"a", "b", "c"})).has_value());
  plan.next();
  REQUIRE(plan.failed(0, failure_of(Errc::checksum_mismatch)).next == NextStep::read_again);
  auto changed = plan.files()[0].info;
  changed.size += 1;
  REQUIRE(plan.checked(0, changed).next == NextStep::ask_again);
  plan.announce({"was a", "other b", "of c"});
  CHECK_FALSE(plan.files()[0].info.sha256.has_value());
  CHECK(plan.files()[1].info.sha256 == "of b");
  CHECK(plan.files()[2].info.sha256 == "of c");
}
