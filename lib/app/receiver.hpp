#pragma once

#include <memory>
#include <string>

#include "lib/app/detached_look.hpp"
#include "lib/app/discovery_service.hpp"
#include "lib/app/hooks.hpp"
#include "lib/app/interrupt.hpp"
#include "lib/app/node.hpp"
#include "lib/app/receive_handler.hpp"
#include "lib/app/receive_reload.hpp"
#include "lib/app/service_manager.hpp"
#include "lsend/app/receive.hpp"
#include "lsend/storage/inbox.hpp"

namespace lsend::app {

/// One run of `receive`: from a server that is opened over announcing, serving and sweeping to the
/// end, of which the senders hear first.
class Receiver {
 public:
  Receiver(Executor executor, Interrupt& interrupt, Node node, const ReceiveOptions& options,
           const Deciders& deciders, storage::Inbox inbox, BlockingPool& pool, ProgressSink& sink,
           OutputRoom& room);

  StatusEvent status_event() const;
  /// Once. Fails before it listens; else gives what came in, or how receive() says it failed.
  Task<Result<ReceiveReport>> run();

 private:
  Result<> announce_ready();
  std::string status() const;
  Task<> reassure(Duration every);
  Task<> must_go_on(Task<> job);
  Task<> sweep_loop();
  Duration until_sweep() const;
  Task<> sweep_parts();
  DetachedLook look_at_folder() const;
  Task<> watch_folder();
  void watch_idleness();
  void finish();
  Task<> wind_up();
  Task<> force_stop();
  Task<> tell_all(net::TaskGroup& children, const std::vector<ReceiveHandler::SessionPtr>& sessions);
  Task<> tell_cancel(ReceiveHandler::SessionPtr session);
  Result<ReceiveReport> outcome() const;

  Executor executor_;
  Interrupt& interrupt_;
  Node node_;
  ReceiveOptions options_;
  const Deciders& deciders_;
  storage::Inbox inbox_;
  BlockingPool& pool_;
  ProgressSink& sink_;
  Hooks hooks_;
  DiscoveryService discovery_;
  ReceiveHandler handler_;
  std::unique_ptr<net::HttpServer> server_;
  const ServiceManager manager_;
  ReceiveReload reload_;
  net::TaskGroup tasks_;
  net::TaskGroup sweeper_{executor_};
  net::TaskGroup watchdog_{executor_};
  bool finishing_ = false;
  bool cut_short_ = false;
  bool idled_out_ = false;
  std::size_t ended_ = 0;  ///< transfers, as of the last look
  TimePoint idle_since_ = Clock::now();
};

}  // namespace lsend::app
