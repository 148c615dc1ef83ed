#include "script.hpp"

namespace lsend::transfer {
namespace {

using State = ReceiveSession::State;

class Form {
 public:
  UploadTicket add(const std::string& name) {
    return session.add_file(file_info(name, 0), start).value();
  }
  void complete(UploadTicket ticket, std::uint64_t size) {
    session.set_size(ticket, size);
    session.complete_upload(ticket, start);
  }

  const TimePoint start = TimePoint{} + std::chrono::hours(1);
  ReceiveSession session{SessionId("s"), PeerAddress("10.0.0.1"), kOurVersion,
                         offer({}),      SessionLimits{},         start};
};

TEST_CASE("a form's session takes files until the form ends") {
  Form form;
  CHECK(form.session.state() == State::waiting);
  const auto first = form.add("a");
  CHECK(form.session.state() == State::active);
  CHECK(form.session.may_publish(first));
  CHECK(form.session.deadline() == TimePoint::max());
  form.complete(first, 7);
  CHECK(form.session.state() == State::active);
  form.complete(form.add("b"), 5);
  form.session.end_form(true);
  CHECK(form.session.state() == State::finished);
  CHECK(form.session.totals().done == 2);
  CHECK(form.session.totals().bytes_done == 12);
}

TEST_CASE("a form that breaks off is a cancelled session") {
  Form form;
  form.complete(form.add("a"), 7);
  SECTION("in a file") {
    const auto broken = form.add("b");
    CHECK(form.session.fail_upload(broken, Failure::lasting, form.start) == AfterFailure::given_up);
    CHECK(form.session.state() == State::active);
    form.session.end_form(false);
    CHECK(form.session.totals().failed == 1);
  }
  SECTION("between two") { form.session.end_form(false); }
  CHECK(form.session.state() == State::cancelled);
  CHECK(form.session.totals().done == 1);
}

TEST_CASE("a form without a file is no transfer") {
  Form form;
  form.session.end_form(false);
  CHECK(form.session.state() == State::declined);
}

TEST_CASE("a form that was called off takes no more") {
  Form form;
  const auto first = form.add("a");
  form.session.abort();
  CHECK_FALSE(form.session.may_publish(first));
  const auto second = form.session.add_file(file_info("b"), form.start);
  REQUIRE(second.has_error());
  CHECK(second.error() == fail(Errc::cancelled, "the form of 10.0.0.1 was called off"));
}

TEST_CASE("a form's files cannot be uploaded to by others") {
  Form form;
  form.add("a");
  UploadParams params{SessionId("s"), FileId("a"), Token("")};
  const auto let_in = form.session.begin_upload(params, PeerAddress("10.0.0.1"), form.start);
  REQUIRE(let_in.has_error());
  CHECK(let_in.error().code() == Errc::forbidden);
}

}  // namespace
}  // namespace lsend::transfer
