#include "lsend/transfer/upload_slot.hpp"

#include <functional>

#include "script.hpp"

using namespace lsend;
using namespace lsend::transfer;
using State = ReceiveSession::State;
using std::chrono::seconds;

namespace {

struct Fixture {
  UploadSlot slot;
  TimePoint now{};
  explicit Fixture(std::size_t max_sessions) : slot(max_sessions, {}, counting_text()) {}

  UploadSlot::SessionPtr open(const char* address, Version version = kOurVersion) {
    auto session = slot.open(PeerAddress(address), version, offer({"a"}), now);
    REQUIRE(session.has_value());
    return *session;
  }
  /// Opens and accepts; gives the parameters that upload its file.
  UploadParams active(const char* address, Version version = kOurVersion) {
    auto session = open(address, version);
    auto reply = session->accept(std::vector<std::size_t>{0}, counting_text(), now);
    REQUIRE(reply.has_value());
    return {reply->session, FileId("a"), reply->tokens.at(0).second};
  }
};

}  // namespace

TEST_CASE("the slot takes one session; another request is busy, from any address") {
  Fixture f(1);
  auto first = f.open("10.0.0.2");
  for (const char* address : {"10.0.0.2", "10.0.0.3"}) {
    auto second = f.slot.open(PeerAddress(address), kOurVersion, offer({"b"}), f.now);
    REQUIRE(!second);
    CHECK(second.error() ==
          Error(Errc::busy, std::string("the request from ") + address +
                                " has to wait: another session is running with 10.0.0.2"));
  }
  CHECK(first->state() == State::waiting);
  first->decline();
  CHECK_FALSE(f.slot.busy());
  f.open("10.0.0.3");
}

TEST_CASE("with room for more, one v1 session an address") {
  Fixture f(4);
  f.open("10.0.0.2", {1, 0});
  f.open("10.0.0.2");
  f.open("10.0.0.3", {1, 0});
  auto again = f.slot.open(PeerAddress("10.0.0.2"), {1, 0}, offer({"a"}), f.now);
  REQUIRE(!again);
  CHECK(again.error().code() == Errc::busy);
}

TEST_CASE("tokens work on the route of their version only") {
  Fixture f(4);
  const auto v2 = f.active("10.0.0.2");
  const auto v1 = f.active("10.0.0.3", {1, 0});
  CHECK(v1.session.empty());
  struct Case {
    UploadParams params;
    bool v1_route;
    const char* address;
    bool let_in;
  };
  const std::vector<Case> cases = {
      {v2, true, "10.0.0.2", false},
      {v2, true, "10.0.0.3", false},
      {{SessionId(), v2.file, v2.token}, true, "10.0.0.2", false},
      {{SessionId(), v2.file, v2.token}, false, "10.0.0.2", false},
      {v1, false, "10.0.0.3", false},
      {{f.slot.sessions()[1]->id(), v1.file, v1.token}, false, "10.0.0.3", false},
      {v2, false, "10.0.0.3", false},
      {v1, true, "10.0.0.2", false},
      {v2, false, "10.0.0.2", true},
      {v1, true, "10.0.0.3", true},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO("case " << i);
    const auto& c = cases[i];
    auto result = f.slot.begin_upload(c.params, c.v1_route, PeerAddress(c.address), f.now);
    CHECK(result.has_value() == c.let_in);
    if (!result) CHECK(result.error() == Error(Errc::forbidden, std::string(kUploadForbidden)));
  }
}

TEST_CASE("an upload without any session is forbidden") {
  Fixture f(1);
  for (const bool v1 : {false, true}) {
    auto result =
        f.slot.begin_upload({SessionId(), FileId("a"), Token("t")}, v1, PeerAddress("::1"), f.now);
    REQUIRE(!result);
    CHECK(result.error().code() == Errc::forbidden);
  }
}

TEST_CASE("who may cancel what") {
  struct Case {
    const char* what;
    Version session;
    bool accepted;
    const char* id;  // "" = the right one, null = none
    bool v1_route;
    const char* address;
    bool forbidden;
    bool ended;
  };
  const Version v1{1, 0};
  const std::vector<Case> cases = {
      {"waiting, with id", kOurVersion, false, "", false, "10.0.0.2", false, true},
      {"waiting, without id", kOurVersion, false, nullptr, false, "10.0.0.2", false, true},
      {"waiting, other address", kOurVersion, false, nullptr, false, "10.0.0.3", false, false},
      {"waiting, id, other address", kOurVersion, false, "", false, "10.0.0.3", false, false},
      {"waiting, wrong id", kOurVersion, false, "../x", false, "10.0.0.2", false, false},
      {"active, with id", kOurVersion, true, "", false, "10.0.0.2", false, true},
      {"active, without id", kOurVersion, true, nullptr, false, "10.0.0.2", false, false},
      {"active, empty id", kOurVersion, true, "no", false, "10.0.0.2", false, false},
      {"v2 by v1's cancel", kOurVersion, true, nullptr, true, "10.0.0.2", true, false},
      {"v2 waiting by v1's cancel", kOurVersion, false, nullptr, true, "10.0.0.2", true, false},
      {"v2 by v1's, other address", kOurVersion, true, nullptr, true, "10.0.0.3", false, false},
      {"v1 active", v1, true, nullptr, true, "10.0.0.2", false, true},
      {"v1 waiting", v1, false, nullptr, true, "10.0.0.2", false, true},
      {"v1, other address", v1, true, nullptr, true, "10.0.0.3", false, false},
      {"v1 by v2's cancel", v1, false, nullptr, false, "10.0.0.2", false, false},
      {"v1 by v2's cancel with id", v1, true, "", false, "10.0.0.2", false, false},
  };
  for (const auto& c : cases) {
    INFO(c.what);
    Fixture f(1);
    auto session = f.open("10.0.0.2", c.session);
    if (c.accepted) {
      REQUIRE(session->accept(std::vector<std::size_t>{0}, counting_text(), f.now).has_value());
    }
    SessionId id = c.id == nullptr || *c.id == '\0' ? session->id() : SessionId(c.id);
    auto result = f.slot.cancel(c.id ? &id : nullptr, c.v1_route, PeerAddress(c.address));
    CHECK(result.has_error() == c.forbidden);
    if (result) CHECK((*result == session) == c.ended);
    if (!result) CHECK(result.error().code() == Errc::forbidden);
    CHECK(session->running() != c.ended);
    CHECK(f.slot.busy() != c.ended);
  }
}

TEST_CASE("cancelling twice does nothing the second time") {
  Fixture f(1);
  auto session = f.open("10.0.0.2");
  auto first = f.slot.cancel(nullptr, false, PeerAddress("10.0.0.2"));
  auto second = f.slot.cancel(nullptr, false, PeerAddress("10.0.0.2"));
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  CHECK(*first == session);
  CHECK(*second == nullptr);
}

TEST_CASE("sweep gives what ended and what ran out of time") {
  Fixture f(3);
  CHECK_FALSE(f.slot.next_deadline());
  auto declined = f.open("10.0.0.2");
  auto waiting = f.open("10.0.0.3");
  f.active("10.0.0.4");
  declined->decline();
  CHECK(f.slot.next_deadline() == f.now + seconds(30));
  auto swept = f.slot.sweep(f.now);
  REQUIRE(swept.size() == 1);
  CHECK(swept[0] == declined);
  swept = f.slot.sweep(f.now + seconds(31));
  REQUIRE(swept.size() == 1);
  CHECK(swept[0]->state() == State::expired);
  REQUIRE(f.slot.sessions().size() == 1);
  CHECK(f.slot.sessions()[0] == waiting);
  CHECK(f.slot.next_deadline() == f.now + seconds(60));
}

TEST_CASE("rearm gives every session its whole time again") {
  Fixture f(2);
  f.open("10.0.0.3");
  f.active("10.0.0.4");
  const auto later = f.now + seconds(300);
  f.slot.rearm(later);
  CHECK(f.slot.sweep(later).empty());
  CHECK(f.slot.next_deadline() == later + seconds(30));
  CHECK(f.slot.sweep(later + seconds(31)).size() == 1);
}

TEST_CASE("who has left is not waited for") {
  const auto gone_after = [](const char* what, const std::function<void(Script&)>& act,
                             seconds expected) {
    INFO(what);
    Script script;
    script.prepare({"a", "b"}).accept({0, 1});
    act(script);
    CHECK(script.session().deadline() == script.now() + expected);
    script.wait(expected - seconds(1)).sweep().expect_swept(0).expect_busy(true);
    script.wait(seconds(1)).sweep().expect_swept(1).expect(State::expired).expect_busy(false);
  };
  gone_after("connected and silent", [](Script&) {}, seconds(30));
  gone_after("left after the answer", [](Script& s) { s.leave(); }, seconds(4));
  gone_after("left a while ago", [](Script& s) { s.leave().wait(seconds(3)); }, seconds(1));
  gone_after(
      "another request since it left", [](Script& s) { s.leave().wait(seconds(3)).send("a"); },
      seconds(4));
  gone_after(
      "left in the middle of a file", [](Script& s) { s.upload("a").leave().break_off("a"); },
      seconds(4));
  gone_after(
      "another connection is there", [](Script& s) { s.upload("a").break_off("a"); }, seconds(30));
  gone_after("came back", [](Script& s) { s.leave().wait(seconds(3)).come_back(); }, seconds(27));
  gone_after("its host is silent", [](Script& s) { s.fall_silent(); }, seconds(30));
  gone_after(
      "reads its own file first", [](Script& s) { s.session().allow_silence(seconds(10)); },
      seconds(40));
  gone_after(
      "left while it would read its own file",
      [](Script& s) { s.leave().session().allow_silence(seconds(10)); }, seconds(4));
}

TEST_CASE("an upload that runs keeps a session whose connections are unknown") {
  Script script;
  script.prepare({"a"}).accept({0}).upload("a").leave();
  script.wait(seconds(3600)).sweep().expect_swept(0).expect_busy(true);
}

TEST_CASE("nobody waits for long for the right bytes after the wrong ones") {
  Script script;
  script.prepare({"a", "b"}).accept({0, 1});
  SECTION("they come late") {
    script.send("b").upload("a").break_off("a", Failure::misfit).expect(AfterFailure::may_retry);
    script.wait(seconds(3)).sweep().expect_swept(0).send("a").expect(State::finished);
  }
  SECTION("they come damaged and may come again") {
    script.send("b").upload("a").break_off("a", Failure::misfit).upload("a").break_off("a");
    script.wait(seconds(29)).sweep().expect_swept(0).wait(seconds(1)).sweep().expect_swept(1);
  }
  SECTION("they do not come") {
    script.send("b").upload("a").break_off("a", Failure::misfit);
    script.wait(seconds(4)).sweep().expect_swept(1).expect(State::expired);
  }
  SECTION("while another file is to come") {
    script.upload("a").break_off("a", Failure::misfit).wait(seconds(29)).sweep().expect_swept(0);
    script.wait(seconds(1)).sweep().expect_swept(1);
  }
}

TEST_CASE("the silence within a file is the silence of its session") {
  Script script;
  script.prepare({"a", "b"}).accept({0, 1}).upload("a").upload("b");
  script.wait(seconds(10)).touch().wait(seconds(30));
  SECTION("of the last upload") {
    script.break_off("a", Failure::stalled).expect(AfterFailure::may_retry);
    script.expect(State::active).expect("a", FileState::pending);
    script.break_off("b", Failure::stalled).expect(AfterFailure::may_retry);
    // One more try, soon; a session that was told of a stall is not kept for the whole limit again.
    script.expect(State::active).expect_busy(true);
    CHECK(script.session().deadline() == script.now() + seconds(4));
    script.wait(seconds(4)).sweep().expect_swept(1).expect(State::expired).expect_busy(false);
    CHECK(script.session().ending() == Error(Errc::timed_out, "nothing came for too long"));
  }
  SECTION("and ends with another try") {
    script.break_off("a", Failure::stalled).break_off("b", Failure::stalled).upload("a");
    script.break_off("a");
    CHECK(script.session().deadline() == script.now() + seconds(30));
  }
  SECTION("of one beside another") {
    script.touch().break_off("a", Failure::stalled).break_off("b").expect(State::active);
  }
}

TEST_CASE("a session gives way to its own sender only, and only when nobody uses it") {
  const auto same = offer({"a", "b"});
  const auto other = offer({"x"});
  auto lsend = offer({"x"});
  lsend.resume.wanted = true;
  Script script;
  script.prepare({"a", "b"}).prove("AA");
  SECTION("not while it is decided") { CHECK_FALSE(script.gives_way("AA", same)); }
  script.accept({0, 1});
  SECTION("while somebody is connected") {
    CHECK_FALSE(script.gives_way("AA", same));
    CHECK(script.slot().keeps_out(std::nullopt));
    CHECK(script.slot().keeps_out(Fingerprint("BB")));
    CHECK_FALSE(script.slot().keeps_out(Fingerprint("AA")));
  }
  SECTION("when nobody is") {
    script.leave();
    CHECK(script.gives_way("AA", same));
    CHECK(script.gives_way("AA", lsend));
    CHECK_FALSE(script.gives_way("AA", other));
    CHECK_FALSE(script.gives_way("BB", same));
    script.wait(seconds(2));
    CHECK(script.gives_way("AA", other));
    CHECK_FALSE(script.gives_way("BB", same));
  }
  SECTION("while a file comes") {
    script.upload("a").leave();
    CHECK_FALSE(script.gives_way("AA", same));
    // Its connection is of no use: the address behind it has gone.
    script.fall_silent();
    CHECK(script.gives_way("AA", other));
    CHECK_FALSE(script.gives_way("BB", other));
  }
  SECTION("not without a proof") {
    Script plain;
    plain.prepare({"a"}).accept({0}).leave();
    CHECK_FALSE(plain.gives_way("AA", offer({"a"})));
  }
  SECTION("not where there is room") {
    Script roomy({}, 2);
    roomy.prepare({"a"}).prove("AA").accept({0}).leave();
    CHECK_FALSE(roomy.gives_way("AA", offer({"a"})));
  }
  SECTION("not after its end") {
    script.leave().session().abort();
    CHECK_FALSE(script.gives_way("AA", same));
    CHECK_FALSE(script.slot().keeps_out(std::nullopt));
  }
}

TEST_CASE("a session that moves is bound to the new address") {
  Script script;
  script.prepare({"a", "b"}).accept({0, 1});
  script.session().move_to(PeerAddress("10.0.0.9"));
  script.upload("a").expect(Errc::forbidden).from("10.0.0.9").upload("a").expect_ok();
}

TEST_CASE("what broken uploads hear names the cause of the end") {
  const auto ending = [](std::optional<Errc> why) {
    Script script;
    script.prepare({"a"}).accept({0});
    if (why)
      script.session().abort(*why);
    else
      script.cancel(script.session().id().str());
    return script.session().ending();
  };
  CHECK(ending(std::nullopt) == Error(Errc::cancelled, "the session has ended"));
  CHECK(ending(Errc::cancelled) == Error(Errc::cancelled, "the session has ended"));
  CHECK(ending(Errc::shutting_down) == Error(Errc::shutting_down, "lsend is about to end"));
  CHECK(ending(Errc::timed_out) ==
        Error(Errc::timed_out, "it hardly moved, while another sender waited"));
  CHECK(ending(Errc::busy) == Error(Errc::busy, "its sender has begun anew"));
}
