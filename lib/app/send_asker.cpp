#include "lib/app/send_asker.hpp"

#include <algorithm>

#include "lib/app/chance.hpp"
#include "lsend/protocol/query.hpp"
#include "lsend/protocol/status.hpp"
#include "lsend/transfer/backoff.hpp"

namespace lsend::app {

namespace {

/// Between two tries at a busy peer (reliability.md 7.3).
constexpr Duration kFirstPause = std::chrono::seconds(1);
constexpr Duration kLongestPause = std::chrono::seconds(15);
/// Receivers lock out after so many wrong PINs (protocol.md 1.5).
constexpr unsigned kPinTries = 3;
constexpr std::size_t kMaxPrepareReply = 8 * 1024 * 1024;

bool wants_no_request(const Error& error) {
  return error.code() == Errc::too_many_requests || error.code() == Errc::pin_locked;
}

}  // namespace

struct SendAsker::Patience {
  TimePoint give_up;  ///< on a peer that is busy
  transfer::Backoff busy{kFirstPause, kLongestPause};
  std::optional<Error> broke{};  ///< a break without an answer, once
  bool told_to_wait = false;   ///< a 429, once
  unsigned pins = 0;           ///< asked for, of a person

  /// What is told when asking ends with `error`: not what came of asking again.
  Error cause(const Error& error) const {
    const bool follows =
        error.code() != Errc::timed_out && transfer::follows_a_break(error.code());
    return broke && follows ? *broke : error;
  }
};

Task<Result<bool>> SendAsker::prepare() {
  const auto body = request();
  // Apps up to 1.17 are busy until a person has closed what has arrived (protocol.md trap 27).
  const auto& options = session_.options;
  const auto limit =
      session_.goes_on ? std::max(options.wait, options.accept_timeout) : options.wait;
  Patience patience{Clock::now() + limit};
  while (true) {
    const auto reply = co_await ask(body);
    if (!reply) {
      const bool again = co_await ask_after_break(reply.error(), patience);
      if (again) continue;
      co_return patience.cause(reply.error());
    }
    pending_ = reply->head.status == protocol::kOk;
    if (pending_) co_return take_grant(reply->body);
    if (reply->head.status == protocol::kNoContent) {
      take_nothing(reply->head.present == protocol::kAllPresent);
      co_return false;
    }
    auto error = refusal(session_.peer, *reply, protocol::Action::prepare_upload);
    const bool again = co_await ask_after_refusal(error, *reply, patience);
    if (session_.calls.stopped()) co_return session_.calls.reason();
    if (again) continue;
    // With a PIN in play "too many attempts" is its lock-out (reliability.md S7).
    if (session_.pin && error.code() == Errc::too_many_requests)
      error = fail(Errc::pin_locked, error.message());
    if (session_.pin && error.code() == Errc::pin_required)
      error = fail(Errc::pin_wrong, display_name(session_.peer) +
                                        " does not take this PIN; after three wrong ones it "
                                        "refuses all");
    co_return patience.cause(error);
  }
}

std::string SendAsker::request() {
  const auto offered = session_.plan.offer(session_.most_files);
  offered_ = offered.size();
  std::vector<const FileInfo*> files;
  files.reserve(offered_);
  for (const auto file : offered) files.push_back(&session_.plan.files()[file].info);
  ResumeWish resume;
  // What came through a pipe cannot be read a second time.
  const auto& payload = session_.payload;
  resume.wanted = session_.options.resume && !payload.from_stdin && !payload.is_message;
  resume.session = session_.id;
  return session_.peer.codec().encode_prepare_upload(session_.node.self, files, resume,
                                                    session_.tells_details);
}

/// The request went out and no answer came: whatever became of it is called off, so that the peer
/// is free to hear it again (reliability.md 7.3).
Task<bool> SendAsker::ask_after_break(const Error& error, Patience& patience) {
  const bool unclear = pending_ && error.code() == Errc::unreachable && !patience.broke;
  if (!unclear || session_.calls.stopped()) co_return false;
  patience.broke = error;
  client_.reset();
  co_await session_.tell_peer();
  co_return !session_.calls.stopped();
}

Task<bool> SendAsker::ask_after_refusal(const Error& error, const net::Reply& reply,
                                        Patience& patience) {
  if (error.code() == Errc::pin_required) {
    const bool given = co_await ask_with_other_pin(patience);
    co_return given;
  }
  auto pause = Duration::zero();
  if (error.code() == Errc::busy) {
    const auto left = std::chrono::floor<Duration>(patience.give_up - Clock::now());
    if (left <= Duration::zero()) co_return false;
    // The last try is the last moment's.
    pause = std::min(patience.busy.next(chance()), left);
    news_.waiting(display_name(session_.peer) + " is busy; trying again");
  } else if (wants_no_request(error) && !patience.told_to_wait) {
    patience.told_to_wait = true;
    pause = transfer::wait_told(reply.head.retry_after);
    news_.waiting(display_name(session_.peer) + " wants no request now; trying again in " +
                  std::to_string(std::chrono::ceil<std::chrono::seconds>(pause).count()) + " s");
  } else {
    co_return false;
  }
  co_await session_.calls.pause(pause);
  co_return true;
}

/// A PIN of the options is the user's last word, and without a person there is nobody to ask.
Task<bool> SendAsker::ask_with_other_pin(Patience& patience) {
  const bool from_options = session_.options.pin.has_value();
  if (!session_.desk || from_options || patience.pins == kPinTries) co_return false;
  client_.reset();
  PinQuestion about;
  about.device = display_name(session_.peer);
  about.again = patience.pins++ > 0;
  Question question(std::move(about));
  const auto limit = Clock::now() + session_.options.accept_timeout;
  auto answer = co_await session_.desk->ask(std::move(question), limit);
  if (!answer || answer->choice == Answer::Choice::no) co_return false;
  session_.pin = std::move(answer->text);
  co_return true;
}

/// Which of our files the peer takes.
Result<bool> SendAsker::take_grant(const std::string& json) {
  protocol::JsonLimits limits;
  limits.max_files = std::max(limits.max_files, offered_);
  const auto grant = session_.peer.codec().decode_prepare_reply(json, limits);
  if (!grant) return grant.error();
  session_.id = grant->session;
  const auto accepted = session_.plan.accepted(*grant);
  if (!accepted) return accepted.error();
  if (accepted->unknown > 0)
    news_.warning("the receiver named " + std::to_string(accepted->unknown) +
                  " files that were never offered; they were ignored");
  if (session_.options.require_all && accepted->skipped > accepted->present)
    return fail(Errc::declined, display_name(session_.peer) + " would take " +
                                    std::to_string(accepted->accepted) + " of " +
                                    std::to_string(offered_) +
                                    " files only, and --require-all wants all of them");
  tell_skipped();
  // An empty map is v1's way to want nothing.
  return accepted->accepted > 0;
}

/// Nothing, where files were offered: it has read the message, or has them all, or does not want
/// them. Only another lsend says which.
void SendAsker::take_nothing(bool all_present) {
  session_.plan.nothing_wanted(session_.payload.is_message || all_present);
  if (!session_.payload.is_message) tell_skipped();
}

void SendAsker::tell_skipped() {
  for (std::size_t i = 0; i < session_.plan.files().size(); ++i)
    if (session_.plan.files()[i].status == transfer::SendStatus::skipped) news_.file(i);
}

Task<Result<net::Reply>> SendAsker::ask(const std::string& body) {
  auto& peer = session_.peer;
  pending_ = false;
  const bool again = !session_.local_address.empty();
  auto client = co_await session_.connect();
  if (!client) co_return client.error();
  client_ = std::move(*client);
  if (session_.calls.stopped()) co_return session_.calls.reason();
  peer.proven = client_->peer_fingerprint();
  session_.local_address = client_->local_address();
  if (!again) news_.target();
  const auto& route = protocol::route_to(protocol::Action::prepare_upload, peer.codec());
  std::string target(route.path);
  const auto& options = session_.options;
  if (session_.pin) target += "?pin=" + protocol::percent_encode(*session_.pin);
  net::Call call("POST", std::move(target));
  call.content_type = "application/json";
  call.answer_limit = options.accept_timeout;
  call.max_answer = std::max(kMaxPrepareReply, offered_ * 1024);
  if (!again) news_.waiting("waiting for " + display_name(peer) + " to accept");
  if (session_.goes_on)
    news_.waiting("waiting for " + display_name(peer) + " to accept the next " +
                  std::to_string(offered_) + " of " + std::to_string(session_.plan.files().size()) +
                  " files");
  const auto in_use = session_.calls.in_use(*client_);
  pending_ = true;
  auto reply = co_await client_->call(std::move(call), body);
  if (!reply && reply.error().code() == Errc::timed_out && !session_.calls.stopped())
    co_return fail(Errc::timed_out, display_name(peer) + " did not answer in time");
  co_return reply;
}

}  // namespace lsend::app
