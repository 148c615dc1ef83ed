#include "lib/app/receiver.hpp"

#include <fcntl.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/app/guarded.hpp"
#include "lib/app/listener.hpp"
#include "lib/app/process_guard.hpp"
#include "lsend/model/log.hpp"
#include "lsend/model/text.hpp"
#include "lsend/protocol/routes.hpp"
#include "lsend/storage/misplaced.hpp"

namespace lsend::app {

namespace {

constexpr std::size_t kDevices = 200;
constexpr Duration kSweepEvery = std::chrono::seconds(1);
constexpr Duration kSoonest{10};
constexpr Duration kWatchFolderEvery = std::chrono::seconds(2);
/// What a disk that is well needs at most for a look at it.
constexpr Duration kLookTakes{50};
constexpr Duration kSilentFor = std::chrono::seconds(5);
constexpr Duration kSweepPartsEvery = std::chrono::hours(1);
constexpr Duration kTellPeer = std::chrono::milliseconds(1000);
constexpr Duration kDrain = std::chrono::milliseconds(500);

}  // namespace

Receiver::Receiver(Executor executor, Interrupt& interrupt, Node node,
                   const ReceiveOptions& options, const Deciders& deciders, storage::Inbox inbox,
                   BlockingPool& pool, ProgressSink& sink, OutputRoom& room)
    : executor_(executor),
      interrupt_(interrupt),
      node_(std::move(node)),
      options_(options),
      deciders_(deciders),
      inbox_(std::move(inbox)),
      pool_(pool),
      sink_(sink),
      hooks_(executor, options.hook, sink, room),
      discovery_(executor, node_, kDevices, nullptr,
                 [this](const std::string& message) { sink_.on(WarningEvent{message}); }),
      handler_(
          node_,
          [this](const DeviceInfo& info, const Endpoint& from, bool verified) {
            discovery_.heard(info, from, verified);
          },
          options_, deciders, inbox_, pool, hooks_, sink_, room),
      reload_(executor, options_, deciders, manager_, interrupt, sink),
      tasks_(executor) {
  handler_.on_transfer_end = [this] { finish(); };
  reload_.on_change = [this] { handler_.options_changed(); };
}

StatusEvent Receiver::status_event() const {
  StatusEvent event;
  event.dropped = discovery_.dropped();
  return event;
}

Task<Result<ReceiveReport>> Receiver::run() {
  auto allowed = allow_connections(options_.max_connections);
  if (!allowed) co_return allowed.error();
  net::ServerLimits limits;
  limits.connections = options_.max_connections;
  auto networks = look_at_networks(node_.settings, Absent::wait_for);
  if (!networks) co_return networks.error();
  auto opened = open_server(executor_, node_, handler_, *networks, false, limits);
  if (!opened) co_return opened.error();
  server_ = std::move(*opened);
  discovery_.serve_by(*server_);
  const auto visible = options_.announce ? Visible::yes : Visible::no;
  auto started = discovery_.start(std::move(*networks), visible);
  if (!started) co_return started.error();
  auto ready = announce_ready();
  if (!ready) co_return ready.error();
  const Interrupt::Subscription on_stop(interrupt_, [this] {
    hooks_.stop();
    finish();
  });
  tasks_.spawn(must_go_on(discovery_.run()));
  sweeper_.spawn(net::keep_running("sweeping", [this] { return sweep_loop(); }));
  // Until the hooks have ended: a closed terminal ends those too.
  watchdog_.spawn(must_go_on(reload_.run()));
  sweeper_.spawn(net::keep_running("sweeping parts", [this] { return sweep_parts(); }));
  sweeper_.spawn(net::keep_running("watching the folder", [this] { return watch_folder(); }));
  if (manager_.watchdog()) watchdog_.spawn(reassure(*manager_.watchdog()));
  co_await server_->run();
  discovery_.stop();
  sweeper_.cancel();
  co_await sweeper_.join();
  co_await tasks_.join();
  co_await handler_.flush_rest();
  co_await hooks_.join();
  watchdog_.cancel();
  co_await watchdog_.join();
  if (!options_.ready_file.empty()) {
    std::error_code ignored;
    std::filesystem::remove(options_.ready_file, ignored);
  }
  co_return outcome();
}

Result<> Receiver::announce_ready() {
  ReadyEvent event;
  event.self = node_.self;
  event.addresses = reachable_addresses(node_.settings, discovery_.networks());
  event.folder = inbox_.folder().string();
  event.auto_accept = options_.auto_accept;
  event.pin = options_.pin.has_value();
  if (options_.random_pin) event.made_pin = *options_.pin;
  event.policy = describe_policy(options_, deciders_);
  if (!options_.ready_file.empty()) {
    nlohmann::json ready;
    ready["port"] = node_.self.port;
    ready["fingerprint"] = node_.self.fingerprint.str();
    if (options_.random_pin) ready["pin"] = *options_.pin;
    auto written = storage::write_file_atomically(options_.ready_file, ready.dump() + "\n",
                                                  options_.random_pin ? 0600 : 0644);
    if (!written) return written;
  }
  sink_.on(event);
  if (confine_receiver(options_, node_.settings.home, inbox_)) reload_.confined();
  manager_.tell("READY=1\nSTATUS=" + status());
  return {};
}

std::string Receiver::status() const {
  return "Listening on port " + std::to_string(node_.self.port) + ", storing in " +
         escape_for_terminal(inbox_.folder().string()) + "; " + std::to_string(handler_.ended()) +
         " transfers so far";
}

/// From the loop that does all the work: it is not heard of once that is stuck.
Task<> Receiver::reassure(Duration every) {
  while (true) {
    manager_.tell("WATCHDOG=1");
    co_await net::sleep_for(every);
  }
}

/// What serves everybody and fails ends the receiver as a signal does: the senders hear it first.
Task<> Receiver::must_go_on(Task<> job) {
  std::exception_ptr thrown;
  try {
    co_await std::move(job);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (!thrown) co_return;
  if (net::is_cancellation(thrown)) std::rethrow_exception(thrown);
  interrupt_.request(error_of(thrown));
}

/// What is over its limit goes when it is.
Duration Receiver::until_sweep() const {
  const auto deadline = handler_.next_deadline();
  if (!deadline) return kSweepEvery;
  const auto left = std::chrono::ceil<Duration>(*deadline - Clock::now());
  return std::clamp(left, kSoonest, kSweepEvery);
}

Task<> Receiver::sweep_loop() {
  while (true) {
    co_await net::sleep_for(until_sweep());
    handler_.sweep();
    watch_idleness();
    log_repeated(Clock::now());
    co_await handler_.flush_rest();
  }
}

Task<> Receiver::sweep_parts() {
  while (true) {
    co_await net::sleep_for(kSweepPartsEvery);
    auto sweep = [this] { return Result<std::size_t>(inbox_.sweep_stale_parts(storage::kStaleParts)); };
    (void)co_await pool_.run(std::move(sweep));
  }
}

/// All that it uses is its own: it may hang for as long as the process lives.
DetachedLook Receiver::look_at_folder() const {
  const auto root = std::make_shared<storage::UniqueFd>(
      ::fcntl(inbox_.descriptor(), F_DUPFD_CLOEXEC, 0));
  const bool beside = !options_.output.empty() && !options_.to_standard_output();
  std::error_code ignored;
  const auto named =
      beside ? inbox_.folder() : std::filesystem::absolute(options_.folder, ignored);
  return DetachedLook([root, named] {
    return *root ? storage::why_misplaced(root->get(), named) : std::string();
  });
}

/// Says it once when the folder is not what it was, and what `info --self` would say. A look that
/// hangs holds up nobody, not even the end of the process.
Task<> Receiver::watch_folder() {
  std::string told;
  auto look = look_at_folder();
  while (true) {
    co_await net::sleep_for(kWatchFolderEvery);
    look.start(Clock::now());
    co_await net::sleep_for(kLookTakes);
    auto why = look.take_answer();
    if (!why && look.since() && Clock::now() - *look.since() >= kSilentFor)
      why = "'" + escape_for_terminal(inbox_.folder().string()) +
            "' does not answer: its disk, or the server that it is on, hangs; nothing can be "
            "stored until it answers";
    if (!why || *why == told) continue;
    told = *why;
    if (!told.empty()) sink_.on(WarningEvent{told});
    manager_.tell("STATUS=" + (told.empty() ? status() : told));
  }
}

/// Time without a transfer counts from the start or from the end of the last one.
void Receiver::watch_idleness() {
  const auto now = Clock::now();
  if (!handler_.running().empty() || handler_.ended() != ended_) idle_since_ = now;
  if (handler_.ended() != ended_) manager_.tell("STATUS=" + status());
  ended_ = handler_.ended();
  if (!options_.idle_timeout || now - idle_since_ < *options_.idle_timeout) return;
  idled_out_ = true;
  finish();
}

/// Stops once: after the last counted transfer, or at a signal. A running transfer's sender is
/// told first.
void Receiver::finish() {
  if (finishing_) return;
  finishing_ = true;
  manager_.tell("STOPPING=1");
  tasks_.spawn(wind_up());
}

Task<> Receiver::wind_up() {
  auto running = handler_.running();
  // A request that waits for a yes is no transfer: it is answered.
  std::erase_if(running, [](const auto& session) { return !session->was_active(); });
  cut_short_ = !running.empty();
  // The senders hear it first: a connection that just breaks looks like a fault of the network.
  auto job = [&](net::TaskGroup& children) { return tell_all(children, running); };
  co_await net::with_children(std::move(job));
  handler_.abort_all();
  server_->drain();
  sweeper_.spawn(force_stop());
}

Task<> Receiver::tell_all(net::TaskGroup& children,
                          const std::vector<ReceiveHandler::SessionPtr>& sessions) {
  for (const auto& session : sessions)
    if (session->device().port != 0) children.spawn(tell_cancel(session));
  co_return;
}

Task<> Receiver::force_stop() {
  const bool waited = co_await net::sleep_for(kDrain);
  if (waited) server_->stop();
}

/// The receiver's cancel is a call to the sender's own server (protocol.md 1.4).
Task<> Receiver::tell_cancel(ReceiveHandler::SessionPtr session) {
  Peer peer;
  peer.info = session->device();
  peer.info.version = session->version();
  peer.endpoint.scheme = session->device().protocol;
  peer.endpoint.host = session->sender().str();
  peer.endpoint.port = session->device().port;
  co_await cancel_at(node_, peer, session->id(), std::string(), kTellPeer);
}

Result<ReceiveReport> Receiver::outcome() const {
  const auto& report = handler_.report();
  const bool failed = interrupt_.requested() && !is_stop(interrupt_.error().code());
  if (interrupt_.requested() && (cut_short_ || failed)) return interrupt_.error();
  if (idled_out_ && handler_.ended() == 0)
    return fail(Errc::timed_out, "no transfer came within the time of --idle-timeout");
  if (options_.count > 0 && report.counted_failed > 0)
    return fail(Errc::partial, std::to_string(report.counted_failed) + " of " +
                                   std::to_string(report.files_done + report.files_failed) +
                                   " files were not received");
  return report;
}

}  // namespace lsend::app
