#pragma once

#include <memory>
#include <utility>

#include "lib/app/discovery_service.hpp"
#include "lib/app/listener.hpp"
#include "lib/app/networks.hpp"
#include "lib/app/node.hpp"
#include "lsend/net/http_server.hpp"
#include "lsend/net/task_group.hpp"

namespace lsend::app {

/// This device on the network while a command runs that looks for others: its announcements, the
/// devices it hears of, and the server that they answer to (protocol.md 2.2: 1.18 answers nowhere
/// else).
template <class Handler>
class Presence {
 public:
  Presence(Executor executor, Node node, DiscoveryService::DeviceChanged changed,
           DiscoveryService::Warn warn)
      : executor_(executor),
        node_(std::move(node)),
        discovery_(executor, node_, kDevices, std::move(changed), std::move(warn)),
        handler_(node_, [this](const DeviceInfo& info, const Endpoint& from,
                               bool verified) { discovery_.heard(info, from, verified); }),
        tasks_(executor) {}

  /// Listens, on a free port where ours is taken, and starts to announce.
  Result<> open() {
    auto networks = look_at_networks(node_.settings, Absent::refuse);
    if (!networks) return networks.error();
    auto opened = open_server(executor_, node_, handler_, *networks, true);
    if (!opened) return opened.error();
    server_ = std::move(*opened);
    discovery_.serve_by(*server_);
    auto started = discovery_.start(std::move(*networks), Visible::yes);
    if (!started) return started;
    tasks_.spawn(discovery_.run());
    tasks_.spawn(server_->run());
    return {};
  }

  /// After open(): ends both and waits for that.
  Task<> close() {
    discovery_.stop();
    server_->stop();
    co_await tasks_.join();
  }

  Executor executor() const { return executor_; }
  const Node& node() const { return node_; }
  DiscoveryService& discovery() { return discovery_; }
  const DiscoveryService& discovery() const { return discovery_; }
  Handler& handler() { return handler_; }

 private:
  static constexpr std::size_t kDevices = 1000;

  Executor executor_;
  Node node_;
  DiscoveryService discovery_;
  Handler handler_;
  std::unique_ptr<net::HttpServer> server_;
  net::TaskGroup tasks_;
};

}  // namespace lsend::app
