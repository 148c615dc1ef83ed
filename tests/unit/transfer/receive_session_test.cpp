#include "lsend/transfer/receive_session.hpp"

#include <functional>
#include <set>

#include "script.hpp"

using namespace lsend;
using namespace lsend::transfer;
using State = ReceiveSession::State;
using std::chrono::seconds;

TEST_CASE("a session goes from waiting over active to finished") {
  Script script;
  script.prepare({"a", "b"}).expect_ok().expect(State::waiting).expect_busy(true);
  script.accept({0, 1}).expect_ok().expect(State::active).expect("a", FileState::pending);
  script.upload("a").expect_ok().expect("a", FileState::receiving);
  script.expect_publishable("a", true);
  script.finish("a").expect("a", FileState::done).expect(State::active);
  script.send("b").expect(State::finished).expect_busy(false);
  CHECK(script.session().totals().done == 2);
  CHECK(script.session().totals().bytes_done == 20);
}

TEST_CASE("the same transfer with each step failing in turn") {
  struct Case {
    const char* what;
    std::function<void(Script&)> act;
    State state;
    bool busy;
  };
  const std::vector<Case> cases = {
      {"declined",
       [](Script& s) {
         s.prepare({"a", "b"}).decline();
       },
       State::declined, false},
      {"nothing accepted",
       [](Script& s) {
         s.prepare({"a", "b"}).accept({}).expect_ok();
       },
       State::finished, false},
      {"cancelled while waiting",
       [](Script& s) {
         s.prepare({"a", "b"}).cancel().expect_ok();
       },
       State::cancelled, false},
      {"nobody decides",
       [](Script& s) { s.prepare({"a"}).wait(seconds(60)).sweep().expect_swept(1); },
       State::expired, false},
      {"still deciding",
       [](Script& s) { s.prepare({"a"}).wait(seconds(59)).sweep().expect_swept(0); },
       State::waiting, true},
      {"silence after the answer",
       [](Script& s) { s.prepare({"a"}).accept({0}).wait(seconds(30)).sweep().expect_swept(1); },
       State::expired, false},
      {"silence between two files",
       [](Script& s) {
         s.prepare({"a", "b"}).accept({0, 1}).wait(seconds(29)).send("a").wait(seconds(29));
         s.sweep().expect_swept(0).wait(seconds(1)).sweep().expect_swept(1);
       },
       State::expired, false},
      {"an upload that runs keeps its session",
       [](Script& s) {
         s.prepare({"a"}).accept({0}).upload("a").wait(seconds(3600)).sweep().expect_swept(0);
       },
       State::active, true},
      {"one file given up, the other done",
       [](Script& s) {
         s.prepare({"a", "b"}).accept({0, 1}).upload("a").break_off("a", Failure::lasting);
         s.expect(AfterFailure::given_up).expect("a", FileState::failed).send("b");
       },
       State::finished, false},
      {"our own side calls it off",
       [](Script& s) { s.prepare({"a"}).accept({0}).session().abort(); }, State::cancelled, false},
  };
  for (const auto& c : cases) {
    INFO(c.what);
    Script script;
    c.act(script);
    script.expect(c.state).expect_busy(c.busy);
  }
}

TEST_CASE("every upload that does not fit hears one and the same text") {
  Script script;
  script.prepare({"a", "b", "c"}).accept({0, 1});
  const auto token_a = script.token("a");
  auto& session = script.session();
  const auto refused = [&](const char* what, SessionId id, const char* file, std::string token,
                           const char* address = "10.0.0.2") {
    INFO(what);
    auto result = session.begin_upload({std::move(id), FileId(file), Token(std::move(token))},
                                       PeerAddress(address), script.now());
    REQUIRE(!result);
    CHECK(result.error() == Error(Errc::forbidden, std::string(kUploadForbidden)));
  };
  const SessionId id = session.id();
  refused("wrong token", id, "a", "zz");
  refused("prefix", id, "a", token_a.substr(0, 1));
  refused("longer", id, "a", token_a + "0");
  refused("empty", id, "a", "");
  refused("another file's", id, "a", script.token("b"));
  refused("unknown file", id, "x", token_a);
  refused("declined file", id, "c", "");
  refused("wrong session", SessionId("other"), "a", token_a);
  refused("no session", SessionId(), "a", token_a);
  refused("other address", id, "a", token_a, "10.0.0.3");
  refused("other zone", id, "a", token_a, "10.0.0.2%1");
  script.upload("a").expect_ok();
  refused("already receiving", id, "a", token_a);
  script.finish("a");
  refused("already done", id, "a", token_a);
}

TEST_CASE("who may have sent a finished file is told what is stored of it") {
  Script script;
  script.prepare({"a", "b"}).accept({0, 1});
  auto& session = script.session();
  const Token token(script.token("a"));
  const auto stored = [&](const char* address, const Token& shown) {
    return session.stored_digest({session.id(), FileId("a"), shown}, PeerAddress(address));
  };
  script.upload("a").expect_ok();
  CHECK(stored("10.0.0.2", token) == std::nullopt);
  session.complete_upload(UploadTicket{0}, script.now(), "digest");
  CHECK(stored("10.0.0.2", token) == "digest");
  CHECK(stored("10.0.0.3", token) == std::nullopt);
  CHECK(stored("10.0.0.2", Token(script.token("b"))) == std::nullopt);
  script.send("b").expect(State::finished).upload("a").expect(Errc::forbidden);
  CHECK(stored("10.0.0.2", token) == "digest");
}

TEST_CASE("what the last session has stored is told for a minute after its end") {
  UploadSlot slot(1, {}, counting_text());
  TimePoint now{};
  const PeerAddress sender("10.0.0.2");
  const auto transfer = [&] {
    auto session = *slot.open(sender, kOurVersion, offer({"a"}), now);
    const std::vector<std::size_t> all{0};
    const auto reply = session->accept(all, counting_text(), now);
    UploadParams params{session->id(), FileId("a"), reply->tokens.front().second};
    const auto upload = slot.begin_upload(params, false, sender, now);
    session->complete_upload(upload->ticket, now, "of " + session->id().str());
    return params;
  };
  const auto first = transfer();
  CHECK(slot.stored_digest(first, sender) == "of r1");
  slot.sweep(now);
  CHECK(slot.sessions().empty());
  CHECK(slot.stored_digest(first, sender) == "of r1");
  CHECK(slot.stored_digest(first, PeerAddress("10.0.0.3")) == std::nullopt);
  const auto second = transfer();
  slot.sweep(now);
  CHECK(slot.stored_digest(first, sender) == std::nullopt);
  slot.sweep(now + std::chrono::seconds(59));
  CHECK(slot.stored_digest(second, sender) == "of r2");
  slot.sweep(now + std::chrono::seconds(60));
  CHECK(slot.stored_digest(second, sender) == std::nullopt);
}

TEST_CASE("a broken attempt may be repeated with the same token, three times in all") {
  Script script;
  script.prepare({"a"}).accept({0});
  for (int attempt = 1; attempt < 3; ++attempt) {
    script.upload("a").expect_ok().break_off("a").expect(AfterFailure::may_retry);
    script.expect("a", FileState::pending);
  }
  SECTION("the third works") { script.send("a").expect(State::finished); }
  SECTION("the third breaks as well") {
    script.upload("a").break_off("a").expect(AfterFailure::given_up).expect(State::finished);
    script.upload("a").expect(Errc::forbidden);
    CHECK(script.session().totals().failed == 1);
  }
}

TEST_CASE("partial acceptance gives tokens to the accepted files only") {
  Script script;
  script.prepare({"a", "b", "c"});
  const std::vector<std::size_t> some{2, 0, 0, 99};
  auto reply = script.session().accept(some, counting_text(), script.now());
  REQUIRE(reply.has_value());
  CHECK(reply->session == script.session().id());
  REQUIRE(reply->tokens.size() == 2);
  CHECK(reply->tokens[0].first == FileId("a"));
  CHECK(reply->tokens[1].first == FileId("c"));
  CHECK(reply->tokens[0].second != reply->tokens[1].second);
  const auto totals = script.session().totals();
  CHECK(totals.declined == 1);
  CHECK(totals.open == 2);
  CHECK(totals.bytes_accepted == 20);
}

TEST_CASE("an answer that comes too late finds the session ended") {
  Script script;
  script.prepare({"a"}).cancel();
  auto reply = script.session().accept(std::vector<std::size_t>{0}, counting_text(), script.now());
  REQUIRE(!reply);
  CHECK(reply.error() ==
        Error(Errc::cancelled, "the request from 10.0.0.2 ended before it was decided"));
}

TEST_CASE("a cancel with the upload running forbids its publication") {
  Script script;
  script.prepare({"a", "b"}).accept({0, 1}).upload("a");
  script.cancel(script.session().id().str()).expect(State::cancelled).expect_busy(false);
  script.expect_publishable("a", false);
  script.break_off("a").expect(AfterFailure::given_up).expect("a", FileState::failed);
  script.upload("b").expect(Errc::forbidden).expect(State::cancelled);
}

TEST_CASE("uploads beyond the parallel limit wait") {
  SessionLimits limits;
  limits.parallel_uploads = 2;
  Script script(limits);
  script.prepare({"a", "b", "c"}).accept({0, 1, 2}).upload("a").upload("b").expect_ok();
  script.upload("c").expect(Errc::too_many_requests).expect("c", FileState::pending);
  script.finish("a").upload("c").expect_ok();
}

TEST_CASE("the deadline follows what happens") {
  Script script;
  script.prepare({"a", "b"});
  auto& session = script.session();
  CHECK(session.deadline() == script.now() + seconds(60));
  script.wait(seconds(10)).accept({0, 1});
  CHECK(session.deadline() == script.now() + seconds(30));
  script.upload("a");
  CHECK(session.deadline() == TimePoint::max());
  script.wait(seconds(100)).touch().break_off("a");
  CHECK(session.deadline() == script.now() + seconds(30));
  session.abort();
  CHECK(session.deadline() == TimePoint::max());
  CHECK_FALSE(session.expire(TimePoint::max()));
}

TEST_CASE("v1: the reply names no session, and uploads and cancels go by address") {
  Script script;
  script.speak({1, 0}).prepare({"a", "b"}).accept({0, 1});
  auto& session = script.session();
  const UploadParams named{session.id(), FileId("a"), Token(script.token("a"))};
  CHECK(!session.begin_upload(named, session.sender(), script.now()));
  script.send("a");
  CHECK_FALSE(session.cancel(nullptr, PeerAddress("10.0.0.9")));
  CHECK(session.cancel(nullptr, session.sender()));
  script.expect(State::cancelled);
}

TEST_CASE("a hundred thousand files are cheap") {
  std::vector<std::string> ids;
  for (int i = 0; i < 100'000; ++i) ids.push_back("file-" + std::to_string(i));
  std::vector<std::size_t> all(ids.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  ReceiveSession session(SessionId("s"), PeerAddress("10.0.0.2"), kOurVersion, offer(ids), {}, {});
  auto reply = session.accept(all, counting_text(), {});
  REQUIRE(reply.has_value());
  std::set<std::string> tokens;
  std::size_t let_in = 0;
  for (const auto& [id, token] : reply->tokens) {
    tokens.insert(token.str());
    auto ticket = session.begin_upload({SessionId("s"), id, token}, PeerAddress("10.0.0.2"), {});
    if (!ticket) continue;
    ++let_in;
    session.complete_upload(*ticket, {});
  }
  CHECK(let_in == ids.size());
  CHECK(tokens.size() == ids.size());
  CHECK(session.state() == State::finished);
}

TEST_CASE("a file that has appeared counts as done, however its session ends") {
  Script script;
  script.prepare({"a", "b"}).accept({0, 1}).upload("a").expect_publishable("a", true).publish("a");
  script.expect("a", FileState::published).expect_publishable("a", false).expect(State::active);
  CHECK(script.session().open_files() == 2);
  CHECK(script.session().totals().done == 1);
  CHECK(script.session().totals().bytes_open == 10);
  script.cancel(script.session().id().str()).expect_ok().expect(State::cancelled);
  CHECK(script.session().totals().done == 1);
  CHECK(script.session().totals().open == 1);
  script.finish("a").expect("a", FileState::done).expect(State::cancelled);
  CHECK(script.session().totals().done == 1);
}

TEST_CASE("a session is over when what has appeared is acknowledged") {
  Script script;
  script.prepare({"a"}).accept({0}).upload("a").publish("a").expect(State::active);
  script.wait(seconds(600)).sweep().expect_swept(0).expect_busy(true);
  script.finish("a").expect(State::finished).expect_busy(false);
}

TEST_CASE("what has appeared and could not be made safe is not sent again") {
  Script script;
  script.prepare({"a"}).accept({0}).upload("a").publish("a").break_off("a");
  script.expect(AfterFailure::given_up).expect("a", FileState::failed).expect(State::finished);
}

TEST_CASE("nothing appears after a cancel") {
  Script script;
  script.prepare({"a"}).accept({0}).upload("a").cancel(script.session().id().str()).expect_ok();
  script.expect_publishable("a", false).publish("a").expect("a", FileState::receiving);
  script.break_off("a").expect("a", FileState::failed).expect(State::cancelled);
  CHECK(script.session().totals().done == 0);
}

TEST_CASE("what is still to come is what was accepted and is neither there nor given up") {
  Script script;
  script.prepare({"a", "b", "c", "d"});
  CHECK(script.session().totals().bytes_open == 0);
  script.accept({0, 1, 2});
  CHECK(script.session().totals().bytes_open == 30);
  script.send("a").upload("b");
  CHECK(script.session().totals().bytes_open == 20);
  script.break_off("b", Failure::lasting);
  CHECK(script.session().totals().bytes_open == 10);
}
