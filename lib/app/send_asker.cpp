#include "lib/app/send_asker.hpp"

#include <algorithm>

#include "lsend/protocol/query.hpp"
#include "lsend/protocol/status.hpp"

namespace lsend::app {

namespace {

/// Between two tries at a busy peer (reliability.md 7.3).
constexpr Duration kFirstPause = std::chrono::seconds(1);
constexpr Duration kLongestPause = std::chrono::seconds(15);
constexpr std::size_t kMaxPrepareReply = 8 * 1024 * 1024;

}  // namespace

Task<Result<bool>> SendAsker::prepare() {
  PrepareUpload request;
  request.info = session_.node.self;
  request.files = session_.payload.files;
  const auto body = session_.peer.codec().encode_prepare_upload(request);
  request.files = {};
  const auto& options = session_.options;
  const auto give_up = Clock::now() + options.wait;
  auto pause = kFirstPause;
  while (true) {
    const auto reply = co_await ask(body);
    if (!reply) co_return reply.error();
    pending_ = reply->head.status == protocol::kOk;
    if (pending_) co_return take_grant(reply->body);
    if (reply->head.status == protocol::kNoContent) {
      session_.plan.nothing_wanted();
      nothing_needed_ = true;
      co_return false;
    }
    auto error = refusal(session_.peer, *reply, protocol::Action::prepare_upload);
    // With a PIN in play "too many attempts" is its lock-out (reliability.md S7).
    if (options.pin && error.code() == Errc::too_many_requests)
      error = fail(Errc::pin_locked, error.message());
    if (error.code() != Errc::busy || Clock::now() + pause > give_up) co_return error;
    news_.waiting(display_name(session_.peer) + " is busy; trying again");
    co_await session_.calls.pause(pause);
    if (session_.calls.stopped()) co_return session_.calls.reason();
    pause = std::min(pause * 2, kLongestPause);
  }
}

/// Which of our files the peer takes.
Result<bool> SendAsker::take_grant(const std::string& json) {
  const auto grant = session_.peer.codec().decode_prepare_reply(json, protocol::JsonLimits());
  if (!grant) return grant.error();
  session_.id = grant->session;
  const auto accepted = session_.plan.accepted(*grant);
  if (!accepted) return accepted.error();
  if (accepted->unknown > 0)
    news_.warning("the receiver named " + std::to_string(accepted->unknown) +
                  " files that were never offered; they were ignored");
  for (std::size_t i = 0; i < session_.plan.files().size(); ++i)
    if (session_.plan.files()[i].status == transfer::SendStatus::skipped) news_.file(i);
  // An empty map is v1's way to want nothing.
  return accepted->accepted > 0;
}

Task<Result<net::Reply>> SendAsker::ask(const std::string& body) {
  auto& peer = session_.peer;
  auto client = co_await session_.connect();
  if (!client) co_return client.error();
  client_ = std::move(*client);
  if (session_.calls.stopped()) co_return session_.calls.reason();
  const bool again = !session_.local_address.empty();
  peer.proven = client_->peer_fingerprint();
  session_.local_address = client_->local_address();
  if (!again) news_.target();
  const auto& route = protocol::route_to(protocol::Action::prepare_upload, peer.codec());
  std::string target(route.path);
  const auto& options = session_.options;
  if (options.pin) target += "?pin=" + protocol::percent_encode(*options.pin);
  net::Call call("POST", std::move(target));
  call.content_type = "application/json";
  call.answer_limit = options.accept_timeout;
  call.max_answer = std::max(kMaxPrepareReply, session_.plan.files().size() * 1024);
  if (!again) news_.waiting("waiting for " + display_name(peer) + " to accept");
  const auto in_use = session_.calls.in_use(*client_);
  pending_ = true;
  auto reply = co_await client_->call(std::move(call), body);
  if (!reply && reply.error().code() == Errc::timed_out && !session_.calls.stopped())
    co_return fail(Errc::timed_out, display_name(peer) + " did not answer in time");
  co_return reply;
}

}  // namespace lsend::app
