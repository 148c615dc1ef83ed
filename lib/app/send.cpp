#include "lsend/app/send.hpp"

#include "lib/app/find_target.hpp"
#include "lib/app/payload.hpp"
#include "lib/app/presence.hpp"
#include "lib/app/runtime.hpp"
#include "lib/app/send_job.hpp"
#include "lib/app/trust_gate.hpp"
#include "lsend/protocol/status.hpp"

namespace lsend::app {

namespace {

/// While we send, the receiver's cancel comes to our own server (protocol.md trap 28).
class SendHandler final : public ApiHandler {
 public:
  using ApiHandler::ApiHandler;
  SendJob* job = nullptr;

 protected:
  Task<> cancel(Request& request) override {
    const std::string session(request.query.get("sessionId").value_or(""));
    if (job) (void)job->cancelled_by_peer(session, request.exchange.peer());
    net::Answer answer(protocol::kOk);
    co_await request.exchange.respond(std::move(answer));
  }
};

class Sender {
 public:
  Sender(Executor executor, Interrupt& interrupt, Node node, TrustGate gate,
         const SendOptions& options, ProgressSink& sink)
      : interrupt_(interrupt),
        gate_(std::move(gate)),
        options_(options),
        sink_(sink),
        presence_(executor, std::move(node), nullptr, nullptr) {}

  Task<Result<SendReport>> run(const Payload& payload) {
    auto opened = presence_.open();
    if (!opened) co_return opened.error();
    auto result = co_await find_and_send(payload);
    co_await presence_.close();
    co_return result;
  }

 private:
  /// Looks once, or for as long as --wait says.
  Task<Result<Peer>> find() {
    constexpr Duration kBetween{1000};
    const auto give_up = Clock::now() + options_.wait;
    while (true) {
      auto search = gate_.search(options_.target, options_.find_timeout);
      auto peer = co_await find_target(presence_.node(), presence_.discovery(), std::move(search),
                                       interrupt_);
      if (peer || interrupt_.requested()) co_return peer;
      const auto code = peer.error().code();
      const bool may_come = code == Errc::not_found || code == Errc::unreachable;
      if (!may_come || Clock::now() + kBetween > give_up) co_return peer;
      co_await net::sleep_for(kBetween);
    }
  }

  Task<Result<SendReport>> find_and_send(const Payload& payload) {
    auto found = co_await find();
    if (!found) co_return found.error();
    auto peer = co_await gate_.admit(presence_.node(), options_.target, std::move(*found));
    if (!peer) co_return peer.error();
    if (interrupt_.requested()) co_return interrupt_.error();
    SendJob job(presence_.executor(), presence_.node(), interrupt_, payload, options_, sink_);
    presence_.handler().job = &job;
    auto report = co_await job.run(std::move(*peer));
    presence_.handler().job = nullptr;
    co_return report;
  }

  Interrupt& interrupt_;
  TrustGate gate_;
  const SendOptions& options_;
  ProgressSink& sink_;
  Presence<SendHandler> presence_;
};

}  // namespace

Result<SendReport> send(const Settings& settings, const SendOptions& options, ProgressSink& sink) {
  auto payload = gather_payload(options, settings.home, sink);
  if (!payload) return payload.error();
  auto node = Node::make(settings);
  if (!node) return node.error();
  auto gate = TrustGate::open(settings, options.trust, options.fingerprints, sink);
  if (!gate) return gate.error();
  Runtime runtime;
  Sender sender(runtime.executor(), runtime.interrupt(), std::move(*node), std::move(*gate),
                options, sink);
  return runtime.run(sender.run(*payload));
}

}  // namespace lsend::app
