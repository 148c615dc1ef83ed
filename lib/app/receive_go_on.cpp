// The receiver's side of going on where uploads broke off (reliability.md 7.5).
#include "lib/app/receive_handler.hpp"
#include "lsend/protocol/codec.hpp"

namespace lsend::app {

namespace {

/// How long the uploads may take to end whose sender says that they have.
constexpr Duration kEndOfUploads = std::chrono::seconds(5);
constexpr Duration kLookEvery{20};

}  // namespace

/// A sender whose uploads broke asks where to go on in its session that still runs: nobody has to
/// accept it a second time. False when there is no such session, or none that it fits any more.
Task<bool> ReceiveHandler::go_on(net::Exchange& exchange, const PrepareUpload& request) {
  const auto session = resume_.find(exchange, request);
  if (!session) co_return false;
  // They have ended for the sender, whatever their connections look like from here.
  book_.requests().abort_of(session);
  const auto limit = Clock::now() + kEndOfUploads;
  while (session->receiving() && Clock::now() < limit) {
    co_await net::sleep_for(kLookEvery);
  }
  if (session->receiving()) {
    // What is being flushed is whole: the answer to it says how it ends.
    auto error = fail(Errc::busy, "an upload of this session has not ended yet");
    co_await respond_error(exchange, std::move(error));
    co_return true;
  }
  auto reply = session->continued(request);
  if (!reply || !resume_.may_ask_again(*session)) {
    session->abort();
    book_.settle();
    co_return false;
  }
  session->touch(Clock::now());
  auto files = session->indices_of(request);
  reply->points = co_await resume_.state(session, std::move(files));
  if (!session->running()) co_return false;
  reply->resumes = true;
  auto json = protocol::codec_v2().encode_prepare_reply(*reply);
  co_await respond_json(exchange, std::move(json));
  co_return true;
}

}  // namespace lsend::app
