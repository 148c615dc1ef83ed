#pragma once

#include "lib/app/interrupt.hpp"
#include "lib/app/send_news.hpp"

namespace lsend::app {

/// One delivery to one device: asks, uploads, tells the peer when it ends early.
class SendJob {
 public:
  SendJob(Executor executor, const Node& node, Interrupt& interrupt, Peer peer,
          const Payload& payload, const SendOptions& options, ProgressSink& sink)
      : executor_(executor),
        interrupt_(interrupt),
        session_(node, std::move(peer), payload, options),
        news_(session_, sink) {}

  /// An Error when nothing was transferred; else how it went.
  Task<Result<SendReport>> run();
  /// The peer's cancel, heard by our own server. True when it means this session.
  bool cancelled_by_peer(const std::string& session, const PeerAddress& from);

 private:
  Task<> upload(ClientPtr client);
  Task<> tell_peer();
  void abandon_rest();

  Executor executor_;
  Interrupt& interrupt_;
  SendSession session_;
  SendNews news_;
};

}  // namespace lsend::app
