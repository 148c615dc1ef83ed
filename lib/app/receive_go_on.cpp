// The receiver's side of a sender that comes back: it goes on where its uploads broke off
// (reliability.md 7.5), or begins anew while its old session is still here.
#include "lib/app/receive_handler.hpp"
#include "lsend/model/log.hpp"
#include "lsend/protocol/codec.hpp"

namespace lsend::app {

namespace {

/// How long the uploads may take to end whose sender says that they have.
constexpr Duration kEndOfUploads = std::chrono::seconds(5);

}  // namespace

/// A sender whose uploads broke asks where to go on in its session that still runs: nobody has to
/// accept it a second time. False when there is no such session, or none that it fits any more.
Task<bool> ReceiveHandler::go_on(net::Exchange& exchange, const PrepareUpload& request) {
  const auto session = resume_.find(exchange, request);
  if (!session) co_return false;
  if (session->sender() != exchange.peer()) {
    // Who may send may be a matter of the address.
    if (!admission_.may_move(exchange, *session)) co_return false;
    log(LogLevel::info, session->sender().str() + ": goes on as " + exchange.peer().str());
    session->move_to(exchange.peer());
  }
  book_.attach(session, exchange);
  // They have ended for the sender, whatever their connections look like from here.
  co_await book_.requests().end_uploads(session, Clock::now() + kEndOfUploads);
  if (session->receiving()) {
    // What is being flushed is whole: the answer to it says how it ends.
    auto error = fail(Errc::busy, "an upload of this session has not ended yet");
    co_await respond_error(exchange, std::move(error));
    co_return true;
  }
  auto reply = session->continued(request);
  if (!reply || !resume_.may_ask_again(*session)) {
    session->abort(Errc::busy);
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

/// A sender that asks anew need not wait for a session of its own that nobody uses any more.
Task<> ReceiveHandler::make_way(net::Exchange& exchange, const PrepareUpload& request) {
  book_.settle();
  const auto& proven = exchange.peer_fingerprint();
  const auto session =
      proven ? book_.giving_way_to(*proven, request, Clock::now()) : SessionPtr();
  if (!session) co_return;
  co_await book_.requests().end_uploads(session, Clock::now() + kEndOfUploads);
  if (session->receiving()) co_return;
  log(LogLevel::info, session->sender().str() + ": its session gives way to a new one from " +
                          exchange.peer().str());
  session->abort(Errc::busy);
  book_.settle();
  resume_.settle();
}

}  // namespace lsend::app
