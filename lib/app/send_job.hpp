#pragma once

#include "lib/app/interrupt.hpp"
#include "lib/app/send_news.hpp"

namespace lsend::app {

/// One delivery to one device: asks, uploads, asks again for what a lost session left, tells the
/// peer when it ends early.
class SendJob {
 public:
  SendJob(Executor executor, const Node& node, Interrupt& interrupt, const Payload& payload,
          const SendOptions& options, ProgressSink& sink)
      : executor_(executor),
        interrupt_(interrupt),
        session_(node, payload, options),
        news_(session_, sink),
        on_stop_(interrupt, [this] { session_.calls.stop(interrupt_.error()); }) {}

  /// An Error when nothing was transferred; else how it went.
  Task<Result<SendReport>> run(Peer peer);
  /// The peer's cancel, heard by our own server. True when it means this session.
  bool cancelled_by_peer(const std::string& session, const PeerAddress& from);

 private:
  Task<Result<>> ask_and_upload();
  Task<> upload(ClientPtr client);
  void report_ended();

  Executor executor_;
  Interrupt& interrupt_;
  SendSession session_;
  SendNews news_;
  Interrupt::Subscription on_stop_;
};

}  // namespace lsend::app
