#include "lsend/transfer/upload_slot.hpp"

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
