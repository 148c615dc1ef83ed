#include "lib/app/send_job.hpp"

#include "lib/app/send_asker.hpp"
#include "lib/app/send_uploads.hpp"

namespace lsend::app {

namespace {
constexpr Duration kTellPeer = std::chrono::milliseconds(1500);
}

Task<Result<SendReport>> SendJob::run() {
  const Interrupt::Subscription on_stop(interrupt_,
                                        [this] { session_.calls.stop(interrupt_.error()); });
  SendAsker asker(session_, news_);
  const auto wanted = co_await asker.prepare();
  if (!wanted) {
    (void)asker.take_client();
    if (asker.pending()) {
      co_await tell_peer();
    }
    co_return session_.calls.explain(wanted.error());
  }
  if (*wanted) {
    co_await upload(asker.take_client());
  }
  co_return news_.report(asker.nothing_needed());
}

Task<> SendJob::upload(ClientPtr client) {
  news_.begin_progress();
  SendUploads uploads(executor_, session_, news_);
  co_await uploads.run(std::move(client));
  if (session_.calls.stopped()) abandon_rest();
  // A session that is left open keeps a 1.18 receiver busy for everyone (protocol.md trap 46).
  if (session_.plan.totals().failed > 0) {
    co_await tell_peer();
  }
  news_.end_progress();
}

void SendJob::abandon_rest() {
  auto& plan = session_.plan;
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < plan.files().size(); ++i) {
    const auto status = plan.files()[i].status;
    if (status == transfer::SendStatus::waiting || status == transfer::SendStatus::sending)
      open.push_back(i);
  }
  plan.abandon(session_.calls.reason());
  for (const auto file : open) news_.file(file);
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

Task<> SendJob::tell_peer() {
  co_await cancel_at(session_.node, session_.peer, session_.id, session_.local_address, kTellPeer);
}

}  // namespace lsend::app
