#pragma once

#include "lib/app/interrupt.hpp"
#include "lib/app/payload_digests.hpp"
#include "lib/app/send_news.hpp"

namespace lsend::app {

class SendAsker;

/// One delivery to one device: asks, uploads, asks again for what a lost session left, tells the
/// peer when it ends early.
class SendJob {
 public:
  SendJob(Executor executor, const Node& node, Interrupt& interrupt, std::string target,
          PayloadDigests& digests, const SendOptions& options, ProgressSink& sink, OutputRoom& room,
          PromptDesk* desk)
      : executor_(executor),
        interrupt_(interrupt),
        digests_(digests),
        session_(node, std::move(target), digests.payload(), options, desk),
        news_(session_, sink, room),
        on_stop_(interrupt, [this] { session_.calls.stop(interrupt_.error()); }) {}

  /// An Error when nothing was transferred; else how it went. Run again, it goes on with what
  /// reopen() found.
  Task<Result<TargetReport>> run(Peer peer);
  /// Makes what failed for a time only ready for another run. False when nothing is left, or when
  /// what came through a pipe is gone.
  bool reopen();
  /// Has the peer taken an offer yet? Then each file has its end told, and its part in the verdict.
  bool granted() const { return granted_; }
  /// What has not ended fails with `error`: another run could not begin.
  TargetReport give_up(const Error& error);
  /// How files ended that may have been held back for another run.
  Task<> report_ended();
  const std::string& target() const { return session_.target; }
  /// A dry run goes no further.
  void show_target(Peer peer) {
    session_.peer = std::move(peer);
    news_.target();
  }
  SendNews& news() { return news_; }
  /// Sleeps, but hears an interrupt at once.
  Task<> pause(Duration duration) const { return session_.calls.pause(duration); }
  /// The peer's cancel, heard by our own server. True when it means this session.
  bool cancelled_by_peer(const std::string& session, const PeerAddress& from);

 private:
  Task<> learn_abilities();
  bool needs_digests() const;
  Task<Result<>> add_digests();
  Task<Result<>> ask_and_upload();
  Task<Result<>> ask_then_upload(SendAsker& asker);
  Task<> upload(ClientPtr client);
  Task<> upload_and_tell(net::TaskGroup& children, ClientPtr client);

  Executor executor_;
  Interrupt& interrupt_;
  PayloadDigests& digests_;
  SendSession session_;
  SendNews news_;
  Interrupt::Subscription on_stop_;
  bool granted_ = false;
};

}  // namespace lsend::app
