#include "lib/app/send_job.hpp"

#include <algorithm>

#include "lib/app/guarded.hpp"
#include "lib/app/send_asker.hpp"
#include "lib/app/send_uploads.hpp"

namespace lsend::app {

namespace {

/// Official apps hold the whole list in memory, several times (reliability.md S31).
constexpr std::size_t kMostFiles = 10'000;
/// To hash so many takes longer than to ask whether it is of any use.
constexpr std::size_t kManyToHash = 500;

/// Is there anything to tell that official apps do not understand?
bool has_details(const std::vector<transfer::SendPlan::File>& files) {
  return std::any_of(files.begin(), files.end(), [](const auto& file) {
    return file.info.executable || file.info.allocated;
  });
}

}  // namespace

Task<Result<TargetReport>> SendJob::run(Peer peer) {
  session_.peer = std::move(peer);
  session_.local_address.clear();
  session_.goes_on = false;
  co_await learn_abilities();
  const auto digested = co_await add_digests();
  if (!digested && !granted_) co_return digested.error();
  if (!digested) co_return give_up(digested.error());
  auto& plan = session_.plan;
  do {
    const auto went = co_await ask_and_upload();
    if (!went && !granted_) co_return went.error();
    // What was sent under an earlier offer stays sent; nobody who says no is asked about the rest.
    if (!went) {
      plan.abandon(went.error());
      session_.id = SessionId();
    }
    granted_ = true;
  } while (plan.has_open() && !session_.calls.stopped());
  if (session_.calls.stopped()) plan.abandon(session_.calls.reason());
  co_return news_.report();
}

TargetReport SendJob::give_up(const Error& error) {
  session_.plan.abandon(error);
  return news_.report();
}

bool SendJob::reopen() {
  const bool pipe = session_.payload.from_stdin && session_.plan.totals().failed > 0;
  return !pipe && !session_.calls.stopped() && session_.plan.reopen() > 0;
}

/// What an announcement does not tell, where it matters.
Task<> SendJob::learn_abilities() {
  auto& peer = session_.peer;
  const auto files = session_.plan.files().size();
  // All or nothing takes one question.
  const bool splits = files > kMostFiles && !session_.options.require_all;
  const bool hashes = files >= kManyToHash && needs_digests();
  const bool details = has_details(session_.plan.files());
  if ((splits || hashes || details) && !peer.probed && !peer.info.version.is_v1()) {
    ProbeRequest request(peer.endpoint.host, peer.endpoint.port);
    request.scheme = peer.endpoint.scheme;
    request.limit = session_.node.settings.connect_timeout;
    if (peer.pin) request.pins.push_back(*peer.pin);
    net::Connecting connecting;
    const auto opening = session_.calls.opening(connecting);
    request.connecting = &connecting;
    const auto asked = co_await probe(session_.node, std::move(request));
    if (asked) peer.learn(*asked);
  }
  // The same for all requests of this run: a session goes on only with what it was asked for.
  session_.tells_details = peer.is_lsend;
  if (splits) session_.most_files = peer.is_lsend ? files : kMostFiles;
}

/// Not for who hashes all that comes and says in its answer what it has: that would be a second
/// read for nothing. By plain HTTP nothing else would refuse what came damaged before it is there;
/// and what came through a pipe has no time by which its beginning is known again.
bool SendJob::needs_digests() const {
  const auto& peer = session_.peer;
  const bool vouched = peer.hashes && peer.endpoint.scheme == Scheme::https;
  return session_.payload.cheap_to_hash && !peer.info.version.is_v1() &&
         (!vouched || session_.payload.spool);
}

Task<Result<>> SendJob::add_digests() {
  if (!needs_digests()) co_return Result<>();
  const auto digests = co_await digests_.compute();
  if (!digests) co_return digests.error();
  session_.plan.announce(**digests);
  co_return Result<>();
}

/// One session. However it fails, by an exception too, the peer hears of its end.
Task<Result<>> SendJob::ask_and_upload() {
  SendAsker asker(session_, news_);
  const auto went = co_await guarded(ask_then_upload(asker));
  if (went) co_return Result<>();
  (void)asker.take_client();
  // A session that broke off is still taken there.
  if (asker.pending() || !session_.id.empty()) {
    co_await session_.tell_peer();
  }
  co_return session_.calls.explain(went.error());
}

Task<Result<>> SendJob::ask_then_upload(SendAsker& asker) {
  const auto wanted = co_await asker.prepare();
  if (!wanted) co_return wanted.error();
  // From here on files end one by one, and what fails must not hide those that are there.
  granted_ = true;
  if (*wanted) {
    co_await upload(asker.take_client());
  }
  co_return Result<>();
}

Task<> SendJob::upload_and_tell(net::TaskGroup& children, ClientPtr client) {
  children.spawn(news_.keep_telling());
  SendUploads uploads(session_, news_);
  co_await uploads.run(std::move(client));
  children.cancel();
}

Task<> SendJob::upload(ClientPtr client) {
  const auto before = session_.plan.totals().done;
  const auto taken = session_.plan.waiting();
  news_.begin_progress();
  auto job = [&](net::TaskGroup& children) { return upload_and_tell(children, std::move(client)); };
  co_await net::with_children(std::move(job));
  const auto after = session_.plan.totals();
  session_.goes_on = after.done == before + taken;
  news_.end_progress();
  // Files that broke off go on in the same session, which the peer asks nobody about again.
  const bool broke_off = session_.plan.resumes() && session_.plan.broke() && after.open > 0;
  if (broke_off && !session_.goes_on && !session_.calls.stopped()) {
    news_.waiting(display_name(session_.peer) + " was lost; going on where it broke off");
    co_return;
  }
  // A session that is left open keeps a 1.18 receiver busy for everyone (protocol.md trap 46).
  if (!session_.goes_on) {
    co_await session_.tell_peer();
  }
  session_.id = SessionId();
}

Task<> SendJob::report_ended() {
  const auto& files = session_.plan.files();
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i].status != transfer::SendStatus::failed) continue;
    co_await news_.wait_for_room();
    news_.file(i);
  }
}

bool SendJob::cancelled_by_peer(const std::string& session, const PeerAddress& from) {
  const auto& peer = session_.peer;
  const bool ours =
      from.str() == peer.endpoint.host &&
      (peer.info.version.is_v1() || (!session_.id.empty() && session == session_.id.str()));
  if (ours)
    session_.calls.stop(fail(Errc::declined, display_name(peer) + " cancelled the transfer"));
  return ours;
}

}  // namespace lsend::app
