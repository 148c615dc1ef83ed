#include "lsend/app/send.hpp"

#include <algorithm>

#include "lib/app/chance.hpp"
#include "lib/app/find_target.hpp"
#include "lib/app/payload.hpp"
#include "lib/app/presence.hpp"
#include "lib/app/runtime.hpp"
#include "lib/app/send_job.hpp"
#include "lib/app/target_list.hpp"
#include "lib/app/trust_gate.hpp"
#include "lsend/protocol/status.hpp"
#include "lsend/transfer/backoff.hpp"

namespace lsend::app {

namespace {

/// Between two looks for a target (reliability.md 7.3), and between two runs of --retry.
constexpr Duration kFirstLook{500};
constexpr Duration kLongestLook = std::chrono::seconds(2);
constexpr int kLooks = 3;
constexpr Duration kFirstRetry = std::chrono::seconds(1);
constexpr Duration kLongestRetry = std::chrono::seconds(15);

/// While we send, the receivers' cancels come to our own server (protocol.md trap 28).
class SendHandler final : public ApiHandler {
 public:
  using ApiHandler::ApiHandler;
  std::vector<SendJob*> jobs;

 protected:
  Task<> cancel(Request& request) override {
    const std::string session(request.query.get("sessionId").value_or(""));
    const auto peer = request.exchange.peer();
    for (auto* job : jobs)
      if (job->cancelled_by_peer(session, peer)) break;
    net::Answer answer(protocol::kOk);
    co_await request.exchange.respond(std::move(answer));
  }
};

/// Among those who may be called off, as long as it runs.
class Listed {
 public:
  Listed(std::vector<SendJob*>& jobs, SendJob& job) : jobs_(jobs), job_(job) {
    jobs_.push_back(&job_);
  }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;
  ~Listed() { std::erase(jobs_, &job_); }

 private:
  std::vector<SendJob*>& jobs_;
  SendJob& job_;
};

/// Delivers one payload to all targets at once.
class Sender {
 public:
  Sender(Executor executor, Interrupt& interrupt, Node node, TrustGate gate, const Payload& payload,
         const SendOptions& options, ProgressSink& sink, OutputRoom& room)
      : interrupt_(interrupt),
        digests_(payload, interrupt),
        gate_(std::move(gate)),
        options_(options),
        sink_(sink),
        room_(room),
        desk_(options.prompt ? std::make_unique<PromptDesk>(*options.prompt, &interrupt) : nullptr),
        presence_(executor, std::move(node), nullptr, nullptr) {}

  Task<Result<SendReport>> run(const std::vector<std::string>& targets) {
    auto opened = presence_.open();
    if (!opened) co_return opened.error();
    SendReport report;
    report.message = digests_.payload().is_message;
    report.targets.resize(targets.size());
    auto job = [&](net::TaskGroup& children) { return deliver_all(children, targets, report); };
    co_await net::with_children(std::move(job));
    co_await presence_.close();
    co_return report;
  }

 private:
  Task<> deliver_all(net::TaskGroup& children, const std::vector<std::string>& targets,
                     SendReport& report) {
    for (std::size_t i = 0; i < targets.size(); ++i)
      children.spawn(deliver(targets[i], report.targets[i]));
    co_return;
  }

  /// Once, and again as often as --retry says and the failure is a temporary one.
  Task<> deliver(std::string target, TargetReport& report) {
    const auto began = Clock::now();
    report.target = target;
    SendJob job(presence_.executor(), presence_.node(), interrupt_, target, digests_, options_,
                sink_, room_, desk_.get());
    const Listed listed(presence_.handler().jobs, job);
    // Whatever becomes of the rest, these did not arrive.
    co_await job.report_ended();
    report.failed = digests_.payload().unsendable.size();
    transfer::Backoff backoff(kFirstRetry, kLongestRetry);
    for (unsigned run = 0;; ++run) {
      co_await deliver_once(job, report);
      const auto code = report.failure.code();
      const bool temporary = code == Errc::partial || is_temporary(code);
      const bool again = !report.success && temporary && run < options_.retry && job.reopen();
      if (!again) break;
      job.news().waiting(report.failure.message() + "; trying again (" + std::to_string(run + 1) +
                         " of " + std::to_string(options_.retry) + ")");
      co_await job.pause(backoff.next(chance()));
      if (interrupt_.requested()) break;
    }
    // The last run may not have begun, for want of the peer or of the user's patience.
    if (!report.success && job.granted())
      report = job.give_up(interrupt_.requested() ? interrupt_.error() : report.failure);
    co_await job.report_ended();
    if (interrupt_.requested() && !report.success) report.failure = interrupt_.error();
    report.elapsed = std::chrono::duration_cast<Duration>(Clock::now() - began);
  }

  Task<> deliver_once(SendJob& job, TargetReport& report) {
    report.success = false;
    auto peer = co_await find(job);
    if (!peer) {
      report.failure = peer.error();
      co_return;
    }
    report.found = true;
    report.device = peer->info;
    report.endpoint = peer->endpoint;
    if (options_.dry_run) {
      report.success = report.failed == 0;
      if (!report.success) report.failure = cannot_send(digests_.payload(), Errc::partial);
      job.show_target(std::move(*peer));
      co_return;
    }
    auto sent = co_await job.run(std::move(*peer));
    if (sent)
      report = std::move(*sent);
    else
      report.failure = sent.error();
  }

  Task<Result<Peer>> find(const SendJob& job) {
    auto found = co_await look_for(job);
    if (!found) co_return found.error();
    // A dry run leaves no traces.
    if (options_.dry_run) co_return found;
    auto peer =
        co_await gate_.admit(presence_.node(), job.target(), std::move(*found), desk_.get());
    if (interrupt_.requested()) co_return interrupt_.error();
    co_return peer;
  }

  /// For as long as --wait says. Where nobody listens now it is tried three times all the same, as
  /// far as that fits into the time that a connection may take.
  Task<Result<Peer>> look_for(const SendJob& job) {
    const auto began = Clock::now();
    const auto limit = presence_.node().settings.connect_timeout;
    transfer::Backoff backoff(kFirstLook, kLongestLook);
    for (int looks = 1;; ++looks) {
      std::optional<Error> suspicion;
      auto search = gate_.search(job.target(), options_.find_timeout);
      search.suspicion = &suspicion;
      auto peer = co_await find_target(presence_.node(), presence_.discovery(), std::move(search),
                                       interrupt_);
      if (peer || interrupt_.requested()) co_return peer;
      // What stands before a receiver that is not there yet accepts a connection and breaks it off.
      const auto code = peer.error().code();
      const bool away =
          code == Errc::not_found || code == Errc::unreachable || code == Errc::handshake;
      if (!away) co_return peer;
      auto pause = backoff.next(chance());
      const auto spent = std::chrono::ceil<Duration>(Clock::now() - began);
      const bool refused = code == Errc::unreachable && looks < kLooks && spent + pause < limit;
      const bool last = !refused && spent >= options_.wait;
      // It may only be away, and its address another's now; that is worth waiting for, as it says.
      if (last && suspicion && code == Errc::not_found) co_return *suspicion;
      if (last) co_return peer;
      // The last look is the last moment's.
      if (!refused) pause = std::min(pause, options_.wait - spent);
      co_await job.pause(pause);
      if (interrupt_.requested()) co_return interrupt_.error();
    }
  }

  Interrupt& interrupt_;
  PayloadDigests digests_;
  TrustGate gate_;
  const SendOptions& options_;
  ProgressSink& sink_;
  OutputRoom& room_;
  std::unique_ptr<PromptDesk> desk_;  ///< null: nobody can be asked
  Presence<SendHandler> presence_;
};

PlanEvent plan_of(const Payload& payload, bool dry_run) {
  PlanEvent plan;
  plan.files = payload.files.size();
  plan.left_out = payload.left_out;
  plan.dry_run = dry_run;
  for (const auto& file : payload.files) plan.bytes += file.size;
  if (!dry_run) return plan;
  plan.list.reserve(plan.files);
  for (const auto& file : payload.files)
    plan.list.push_back(PlanEvent::File{file.file_name, file.size});
  return plan;
}

/// Nothing goes out, and what could not go in any case is told for each target all the same.
Error refuse(const Payload& payload, const std::vector<std::string>& targets, ProgressSink& sink) {
  for (const auto& target : targets) {
    for (const auto& each : payload.unsendable) {
      FileEvent event;
      event.status = FileStatus::failed;
      event.target = target;
      event.name = each.file_name;
      event.name_bytes = each.name_bytes;
      event.size = each.size;
      event.error = each.why;
      sink.on(event);
    }
  }
  return *payload.refusal;
}

}  // namespace

Result<SendReport> send(const Settings& settings, const SendOptions& options, ProgressSink& sink) {
  const auto targets = expand_targets(settings, options.targets);
  if (!targets) return targets.error();
  auto payload = gather_payload(options, settings.home, sink);
  if (!payload) return payload.error();
  if (payload->refusal) return refuse(*payload, *targets, sink);
  if (payload->from_stdin && targets->size() > 1)
    return fail(Errc::usage,
                "--size sends standard input as it comes, which can go to one target "
                "only: leave it out, and it is stored first");
  sink.on(plan_of(*payload, options.dry_run));
  auto node = Node::make_for_now(settings, sink);
  if (!node) return node.error();
  auto gate = TrustGate::open(*node, options.trust, options.fingerprints, sink);
  if (!gate) return gate.error();
  Runtime runtime(&sink);
  Sender sender(runtime.executor(), runtime.interrupt(), std::move(*node), std::move(*gate),
                *payload, options, sink, runtime.room());
  return runtime.run(sender.run(*targets));
}

}  // namespace lsend::app
