#include "lsend/transfer/resume.hpp"

#include "lsend/transfer/send_plan.hpp"
#include "script.hpp"

using namespace lsend;
using namespace lsend::transfer;

namespace {

constexpr std::uint64_t kBig = 100'000'000;

PartLabel label() {
  PartLabel label;
  label.sender = Fingerprint(std::string(64, 'A'));
  label.file_name = "dir/disk.img";
  label.size = kBig;
  label.sha256 = std::string(64, '1');
  label.modified = parse_rfc3339("2026-01-02T03:04:05.123456789Z");
  return label;
}

template <class Change>
PartLabel changed(Change change) {
  auto other = label();
  change(other);
  return other;
}

PrepareUploadReply reply_for(const std::vector<std::string>& ids, std::uint64_t offset = 0) {
  PrepareUploadReply reply;
  reply.session = SessionId("s");
  reply.resumes = true;
  for (const auto& id : ids) {
    reply.tokens.emplace_back(FileId(id), Token("token-" + id));
    if (offset > 0) reply.points.emplace_back(FileId(id), ResumePoint{offset, "hex"});
  }
  return reply;
}

UploadFailure broke(std::uint64_t moved) {
  UploadFailure failure;
  failure.error = fail(Errc::unreachable, "it broke");
  failure.moved = moved;
  return failure;
}

/// Offers what is open and hears what the peer has of it.
void ask(SendPlan& plan, std::uint64_t offset = 0) {
  std::vector<std::string> ids;
  for (const auto file : plan.offer()) ids.push_back(plan.files()[file].info.id.str());
  REQUIRE(plan.accepted(reply_for(ids, offset)).has_value());
}

}  // namespace

TEST_CASE("an upload goes on only from a part of the same sender's same file") {
  struct Row {
    const char* what;
    PartLabel wanted;
    bool same;
  };
  const std::vector<Row> rows = {
      {"the same", label(), true},
      {"another sender", changed([](auto& l) { l.sender = Fingerprint(std::string(64, 'B')); }),
       false},
      {"another name", changed([](auto& l) { l.file_name = "disk.img"; }), false},
      {"another size", changed([](auto& l) { l.size = kBig + 1; }), false},
      {"another sha256", changed([](auto& l) { l.sha256 = std::string(64, '2'); }), false},
      {"the same sha256, touched", changed([](auto& l) { l.modified.reset(); }), true},
      {"no sha256, the same time", changed([](auto& l) { l.sha256.reset(); }), true},
      {"no sha256, another time", changed([](auto& l) {
         l.sha256.reset();
         l.modified = FileTime{};
       }),
       false},
      {"neither", changed([](auto& l) {
         l.sha256.reset();
         l.modified.reset();
       }),
       false},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(continues(label(), row.wanted) == row.same);
    CHECK(continues(row.wanted, label()) == row.same);
  }
}

TEST_CASE("who proved no certificate has no parts") {
  const auto nobody = changed([](auto& l) { l.sender = Fingerprint("some text"); });
  CHECK_FALSE(continues(nobody, nobody));
}

TEST_CASE("a label is made of what was announced, its sha256 in lower case") {
  auto file = file_info("a", 5);
  file.sha256 = std::string(64, 'F');
  const Fingerprint sender(std::string(64, 'A'));
  CHECK(label_of(file, sender) ==
        PartLabel{sender, "a.txt", 5, std::string(64, 'f'), std::nullopt});
}

TEST_CASE("a file that broke off goes on where the peer says") {
  SendPlan plan(offer({"a", "b"}, kBig).files);
  ask(plan);
  REQUIRE(plan.next() == std::size_t{0});
  CHECK(plan.point(0) == std::nullopt);
  CHECK(plan.failed(0, broke(5'000'000)).next == NextStep::ask_again);
  CHECK(plan.files()[0].status == SendStatus::open);
  REQUIRE(plan.next() == std::size_t{1});
  plan.done(1);
  CHECK(plan.offer() == std::vector<std::size_t>{0});
  REQUIRE(plan.accepted(reply_for({"a"}, 4'000'000)).has_value());
  REQUIRE(plan.next() == std::size_t{0});
  CHECK(plan.point(0) == ResumePoint{4'000'000, "hex"});
  plan.forget_point(0);
  CHECK(plan.point(0) == std::nullopt);
}

TEST_CASE("points that fit no file of ours are nothing") {
  SendPlan plan(offer({"a"}, kBig).files);
  plan.offer();
  auto reply = reply_for({"a"});
  reply.points = {{FileId("x"), {5, "hex"}}, {FileId("a"), {kBig, "hex"}}};
  REQUIRE(plan.accepted(reply).has_value());
  CHECK(plan.point(0) == std::nullopt);
  reply.points = {{FileId("a"), {0, "hex"}}};
  REQUIRE(plan.accepted(reply).has_value());
  CHECK(plan.point(0) == std::nullopt);
}

TEST_CASE("breaks that bring the file on are not counted, others end it") {
  SendPlan plan(offer({"a"}, kBig).files);
  ask(plan);
  for (std::uint64_t offset = kWorthKeeping; offset < 10 * kWorthKeeping; offset += kWorthKeeping) {
    REQUIRE(plan.next() == std::size_t{0});
    const auto step = plan.failed(0, broke(1));
    REQUIRE(step.next == NextStep::ask_again);
    CHECK(step.delay == Duration{0});
    ask(plan, offset);
  }
  REQUIRE(plan.next() == std::size_t{0});
  CHECK(plan.failed(0, broke(1)).next == NextStep::ask_again);
  ask(plan, 5);
  REQUIRE(plan.next() == std::size_t{0});
  const auto second = plan.failed(0, broke(1));
  CHECK(second.next == NextStep::ask_again);
  CHECK(second.delay > Duration{0});
  ask(plan);
  REQUIRE(plan.next() == std::size_t{0});
  CHECK(plan.failed(0, broke(1)).next == NextStep::give_up);
  CHECK(plan.reopen() == 1);
  ask(plan, 5);
  REQUIRE(plan.next() == std::size_t{0});
  CHECK(plan.failed(0, broke(1)).next == NextStep::ask_again);
}

TEST_CASE("where a break leaves nothing to go on with, the token is tried again") {
  struct Row {
    const char* what;
    std::uint64_t size, moved;
    bool resumes, unconnected;
  };
  for (const auto& row :
       {Row{"a small file", 1000, 500, true, false}, Row{"nothing went out", kBig, 0, true, false},
        Row{"nobody was there", kBig, 0, true, true},
        Row{"a peer that keeps nothing", kBig, 5'000'000, false, false}}) {
    INFO(row.what);
    SendPlan plan(offer({"a"}, row.size).files);
    plan.offer();
    auto reply = reply_for({"a"});
    reply.resumes = row.resumes;
    REQUIRE(plan.accepted(reply).has_value());
    CHECK(plan.resumes() == row.resumes);
    REQUIRE(plan.next() == std::size_t{0});
    auto failure = broke(row.moved);
    failure.unconnected = row.unconnected;
    CHECK(plan.failed(0, failure).next == NextStep::retry);
  }
}

TEST_CASE("a point outlives a missing connection and a 429, and nothing else") {
  const auto after = [](Errc code, bool unconnected) {
    SendPlan plan(offer({"a"}, kBig).files);
    ask(plan, 5'000'000);
    REQUIRE(plan.next() == std::size_t{0});
    UploadFailure failure;
    failure.error = fail(code, "why");
    failure.unconnected = unconnected;
    plan.failed(0, failure);
    return plan.point(0).has_value();
  };
  CHECK(after(Errc::unreachable, true));
  CHECK(after(Errc::too_many_requests, false));
  CHECK_FALSE(after(Errc::unreachable, false));
  CHECK_FALSE(after(Errc::checksum_mismatch, false));
  CHECK_FALSE(after(Errc::bad_request, false));
}

TEST_CASE("a sender may ask where to go on in the session that it has") {
  const auto request = offer({"a", "b"}, kBig);
  ReceiveSession session(SessionId("s"), PeerAddress("x"), kOurVersion, request, {}, TimePoint{});
  CHECK(session.continued(request) == std::nullopt);  // nobody has accepted it yet
  const std::vector<std::size_t> both = {0, 1};
  const auto reply = session.accept(both, counting_text(), TimePoint{});
  REQUIRE(reply.has_value());
  const auto same = session.continued(offer({"b", "a"}, kBig));
  REQUIRE(same.has_value());
  CHECK(same->session == SessionId("s"));
  CHECK(same->tokens == std::vector{reply->tokens[1], reply->tokens[0]});
  CHECK(session.indices_of(offer({"b", "x"})) == std::vector<std::size_t>{1});
  CHECK_FALSE(session.continued(offer({"a"}, kBig - 1)).has_value());
  CHECK_FALSE(session.continued(offer({"a", "c"}, kBig)).has_value());
  auto changed = offer({"a"}, kBig);
  changed.files[0].modified = FileTime{};
  CHECK_FALSE(session.continued(changed).has_value());
  const UploadParams params{SessionId("s"), FileId("a"), reply->tokens[0].second};
  const auto ticket = session.begin_upload(params, PeerAddress("x"), TimePoint{});
  REQUIRE(ticket.has_value());
  CHECK(session.receiving());
  CHECK_FALSE(session.continued(offer({"a"}, kBig)).has_value());
  CHECK(session.continued(offer({"b"}, kBig)).has_value());
  session.fail_upload(*ticket, Failure::passing, TimePoint{});
  CHECK_FALSE(session.receiving());
  CHECK(session.continued(offer({"a"}, kBig)).has_value());
  session.abort();
  CHECK_FALSE(session.continued(offer({"a"}, kBig)).has_value());
}

TEST_CASE("attempts that bring a file on are not counted by the receiver either") {
  const auto request = offer({"a"}, kBig);
  ReceiveSession session(SessionId("s"), PeerAddress("x"), kOurVersion, request, {}, TimePoint{});
  const std::vector<std::size_t> all = {0};
  const auto reply = session.accept(all, counting_text(), TimePoint{});
  const UploadParams params{SessionId("s"), FileId("a"), reply->tokens[0].second};
  const auto attempt = [&](bool got_on) {
    const auto ticket = session.begin_upload(params, PeerAddress("x"), TimePoint{});
    REQUIRE(ticket.has_value());
    return session.fail_upload(*ticket, Failure::passing, TimePoint{}, got_on);
  };
  for (int i = 0; i < 10; ++i) CHECK(attempt(true) == AfterFailure::may_retry);
  CHECK(attempt(false) == AfterFailure::may_retry);
  CHECK(attempt(false) == AfterFailure::may_retry);
  CHECK(attempt(false) == AfterFailure::given_up);
}

TEST_CASE("a sender that reads before it goes on may be silent for longer") {
  const auto request = offer({"a"}, kBig);
  ReceiveSession session(SessionId("s"), PeerAddress("x"), kOurVersion, request, {}, TimePoint{});
  const std::vector<std::size_t> all = {0};
  REQUIRE(session.accept(all, counting_text(), TimePoint{}).has_value());
  const auto before = session.deadline();
  session.allow_silence(kMostChecking);
  CHECK(session.deadline() == before + kMostChecking);
}
