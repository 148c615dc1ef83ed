#include "lsend/app/receive.hpp"

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "lib/app/discovery_service.hpp"
#include "lib/app/listener.hpp"
#include "lib/app/node.hpp"
#include "lib/app/process_guard.hpp"
#include "lib/app/receive_handler.hpp"
#include "lib/app/runtime.hpp"
#include "lib/app/service_manager.hpp"
#include "lsend/model/log.hpp"
#include "lsend/model/text.hpp"
#include "lsend/protocol/routes.hpp"
#include "lsend/storage/inbox.hpp"

namespace lsend::app {

namespace {

constexpr std::size_t kDevices = 200;
constexpr Duration kSweepEvery = std::chrono::seconds(1);
constexpr Duration kSweepPartsEvery = std::chrono::hours(1);
constexpr Duration kTellPeer = std::chrono::milliseconds(1000);
constexpr Duration kDrain = std::chrono::milliseconds(500);

/// From the kernel's generator, whatever the library makes of random_device elsewhere.
std::string six_digits() {
  std::random_device kernel("/dev/urandom");
  std::string digits;
  for (int i = 0; i < 6; ++i)
    digits += static_cast<char>('0' + std::uniform_int_distribution<int>(0, 9)(kernel));
  return digits;
}

/// The receiver of one run of the command.
class Receiver {
 public:
  Receiver(Executor executor, Interrupt& interrupt, Node node, const ReceiveOptions& options,
           const Deciders& deciders, storage::Inbox inbox, BlockingPool& pool, ProgressSink& sink)
      : executor_(executor),
        interrupt_(interrupt),
        node_(std::move(node)),
        options_(options),
        deciders_(deciders),
        inbox_(std::move(inbox)),
        sink_(sink),
        hooks_(executor, options.hook, sink),
        discovery_(executor, node_, kDevices, nullptr,
                   [this](const std::string& message) { sink_.on(WarningEvent{message}); }),
        handler_(
            node_,
            [this](const DeviceInfo& info, const Endpoint& from, bool verified) {
              discovery_.heard(info, from, verified);
            },
            options_, deciders, inbox_, pool, hooks_, sink_),
        tasks_(executor) {
    handler_.on_transfer_end = [this] { finish(); };
  }

  StatusEvent status_event() const {
    StatusEvent event;
    event.dropped = discovery_.dropped();
    return event;
  }

  Task<Result<ReceiveReport>> run() {
    auto allowed = allow_connections(options_.max_connections);
    if (!allowed) co_return allowed.error();
    net::ServerLimits limits;
    limits.connections = options_.max_connections;
    auto opened = open_server(executor_, node_, handler_, false, limits);
    if (!opened) co_return opened.error();
    server_ = std::move(*opened);
    auto started = discovery_.start();
    if (!started) co_return started.error();
    auto ready = announce_ready();
    if (!ready) co_return ready.error();
    const Interrupt::Subscription on_stop(interrupt_, [this] {
      hooks_.stop();
      finish();
    });
    tasks_.spawn(discovery_.run(options_.announce));
    sweeper_.spawn(sweep_loop());
    if (options_.reload) sweeper_.spawn(reload_loop());
    sweeper_.spawn(sweep_parts());
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

 private:
  Result<> announce_ready() {
    ReadyEvent event;
    event.self = node_.self;
    event.addresses = reachable_addresses(discovery_.interfaces());
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
    confined_ = confine_receiver(options_, node_.settings.home, inbox_);
    manager_.tell("READY=1\nSTATUS=" + status());
    return {};
  }

  std::string status() const {
    return "Listening on port " + std::to_string(node_.self.port) + ", storing in " +
           escape_for_terminal(inbox_.folder().string()) + "; " + std::to_string(handler_.ended()) +
           " transfers so far";
  }

  /// From the loop that does all the work: it is not heard of once that is stuck.
  Task<> reassure(Duration every) {
    while (true) {
      manager_.tell("WATCHDOG=1");
      co_await net::sleep_for(every);
    }
  }

  Task<> sweep_loop() {
    while (true) {
      co_await net::sleep_for(kSweepEvery);
      handler_.sweep();
      watch_idleness();
      log_repeated(Clock::now());
      co_await handler_.flush_rest();
    }
  }

  Task<> sweep_parts() {
    while (true) {
      co_await net::sleep_for(kSweepPartsEvery);
      inbox_.sweep_stale_parts(storage::kStaleParts);
    }
  }

  Task<> reload_loop() {
    net::asio::signal_set hangups(executor_, SIGHUP);
    while (true) {
      const auto [ec, number] = co_await hangups.async_wait(net::use_tuple);
      if (ec) co_return;
      manager_.reloading();
      reload();
      manager_.tell("READY=1");
    }
  }

  void reload() {
    const auto kept = [this](const std::string& why) {
      sink_.on(WarningEvent{"the options stay as they were: " + why});
    };
    auto fresh = options_.reload();
    if (!fresh && fresh.error().code() == Errc::terminated)
      return interrupt_.request(Errc::terminated);
    if (!fresh) return kept(fresh.error().message());
    if (!can_accept(*fresh, deciders_)) return kept("nobody could be accepted any more");
    if (confined_ && !fresh->accept_exec.empty())
      return kept("a command of --accept-exec needs a new start: this receiver is fenced in");
    if (fresh->random_pin && !options_.random_pin) return kept("a random PIN needs a new start");
    // The one that was made up stays.
    if (!fresh->random_pin) options_.pin = std::move(fresh->pin);
    options_.random_pin = fresh->random_pin;
    options_.filter = std::move(fresh->filter);
    options_.auto_accept = fresh->auto_accept;
    options_.accept_from = std::move(fresh->accept_from);
    options_.accept_exec = std::move(fresh->accept_exec);
    options_.limits = fresh->limits;
    options_.checksum = fresh->checksum;
    handler_.options_changed();
    log(LogLevel::info, "the options were read again");
  }

  /// Time without a transfer counts from the start or from the end of the last one.
  void watch_idleness() {
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
  void finish() {
    if (finishing_) return;
    finishing_ = true;
    manager_.tell("STOPPING=1");
    tasks_.spawn(wind_up());
  }

  Task<> wind_up() {
    auto running = handler_.running();
    // A request that waits for a yes is no transfer: it is answered.
    std::erase_if(running, [](const auto& session) { return !session->was_active(); });
    cut_short_ = !running.empty();
    // The senders hear it first: a connection that just breaks looks like a fault of the network.
    net::TaskGroup telling(executor_);
    for (const auto& session : running)
      if (session->device().port != 0) telling.spawn(tell_cancel(session));
    co_await telling.join();
    handler_.abort_all();
    server_->drain();
    sweeper_.spawn(force_stop());
  }

  Task<> force_stop() {
    const bool waited = co_await net::sleep_for(kDrain);
    if (waited) server_->stop();
  }

  /// The receiver's cancel is a call to the sender's own server (protocol.md 1.4).
  Task<> tell_cancel(ReceiveHandler::SessionPtr session) {
    Peer peer;
    peer.info = session->device();
    peer.info.version = session->version();
    peer.endpoint.scheme = session->device().protocol;
    peer.endpoint.host = session->sender().str();
    peer.endpoint.port = session->device().port;
    co_await cancel_at(node_, peer, session->id(), std::string(), kTellPeer);
  }

  Result<ReceiveReport> outcome() const {
    const auto& report = handler_.report();
    if (interrupt_.requested() && cut_short_) return interrupt_.error();
    if (idled_out_ && handler_.ended() == 0)
      return fail(Errc::timed_out, "no transfer came within the time of --idle-timeout");
    if (options_.count > 0 && report.counted_failed > 0)
      return fail(Errc::partial, std::to_string(report.counted_failed) + " of " +
                                     std::to_string(report.files_done + report.files_failed) +
                                     " files were not received");
    return report;
  }

  Executor executor_;
  Interrupt& interrupt_;
  Node node_;
  ReceiveOptions options_;
  const Deciders& deciders_;
  storage::Inbox inbox_;
  ProgressSink& sink_;
  Hooks hooks_;
  DiscoveryService discovery_;
  ReceiveHandler handler_;
  std::unique_ptr<net::HttpServer> server_;
  net::TaskGroup tasks_;
  net::TaskGroup sweeper_{executor_};
  net::TaskGroup watchdog_{executor_};
  const ServiceManager manager_;
  bool confined_ = false;
  bool finishing_ = false;
  bool cut_short_ = false;
  bool idled_out_ = false;
  std::size_t ended_ = 0;  ///< transfers, as of the last look
  TimePoint idle_since_ = Clock::now();
};

/// Finishes a pool on every way out.
class PoolEnd {
 public:
  explicit PoolEnd(BlockingPool& pool) : pool_(pool) {}
  PoolEnd(const PoolEnd&) = delete;
  PoolEnd& operator=(const PoolEnd&) = delete;
  ~PoolEnd() { pool_.finish(); }

 private:
  BlockingPool& pool_;
};

/// A file that stays must not make a sender's work be for nothing: it is looked at beforehand.
Result<storage::Inbox> open_inbox(const ReceiveOptions& options) {
  if (options.output.empty() || options.to_standard_output())
    return storage::Inbox::open(options.folder);
  const std::string shown = "'" + escape_for_terminal(options.output.string()) + "'";
  std::error_code error;
  const auto there = std::filesystem::symlink_status(options.output, error);
  using Kind = std::filesystem::file_type;
  const bool file = there.type() == Kind::regular || there.type() == Kind::symlink;
  if (!options.output.has_filename() || (std::filesystem::exists(there) && !file))
    return fail(Errc::usage, "--output: " + shown + " is no file; --output - writes to a pipe");
  if (file && options.conflict != storage::Conflict::overwrite)
    return fail(Errc::usage, "--output: " + shown +
                                 " is there already: remove it, or replace it with "
                                 "--conflict overwrite");
  return storage::Inbox::open_beside(options.output);
}

}  // namespace

bool can_accept(const ReceiveOptions& options, const Deciders& deciders) {
  const auto rules = accept_rules(options, deciders);
  return rules.auto_accept || rules.pin || rules.program || rules.person || !rules.from.empty();
}

Result<ReceiveReport> receive(const Settings& settings, const ReceiveOptions& options,
                              const Deciders& deciders, ProgressSink& sink) {
  auto inbox = open_inbox(options);
  if (!inbox) return inbox.error();
  auto node = Node::make(settings);
  if (!node) return node.error();
  auto chosen = options;
  if (chosen.random_pin) chosen.pin = six_digits();
  BlockingPool pool;
  Runtime runtime(&sink);
  Receiver receiver(runtime.executor(), runtime.interrupt(), std::move(*node), chosen, deciders,
                    std::move(*inbox), pool, sink);
  runtime.answer_with([&receiver] { return receiver.status_event(); });
  // Stopped by force, threads of the pool may still be at work on the receiver's folder.
  const PoolEnd end(pool);
  return runtime.run(receiver.run());
}

}  // namespace lsend::app
