#pragma once

#include <boost/asio/signal_set.hpp>
#include <functional>

#include "lib/app/interrupt.hpp"
#include "lib/app/service_manager.hpp"
#include "lsend/app/receive.hpp"
#include "lsend/net/asio.hpp"

namespace lsend::app {

/// SIGHUP: the options are read again, and those that may change while it listens are taken over,
/// all of them or none (lsend-receive(1)).
class ReceiveReload {
 public:
  /// `options` are those that hold. A SIGHUP from now on waits for run(): the first may come as
  /// soon as somebody has heard that this receiver is ready.
  ReceiveReload(net::Executor executor, ReceiveOptions& options, const Deciders& deciders,
                const ServiceManager& manager, Interrupt& interrupt, ProgressSink& sink);

  std::function<void()> on_change;

  /// It was fenced in, which nothing takes back.
  void confined() { confined_ = true; }
  /// Each SIGHUP in its turn, until it is cancelled.
  net::Task<> run();

 private:
  void reload();
  Result<> take_over(ReceiveOptions fresh);

  ReceiveOptions& options_;
  const Deciders& deciders_;
  const ServiceManager& manager_;
  Interrupt& interrupt_;
  ProgressSink& sink_;
  net::asio::signal_set hangups_;
  bool confined_ = false;
};

}  // namespace lsend::app
