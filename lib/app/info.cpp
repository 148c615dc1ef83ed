#include "lsend/app/info.hpp"

#include "lib/app/api_handler.hpp"
#include "lib/app/discovery_service.hpp"
#include "lib/app/find_target.hpp"
#include "lib/app/listener.hpp"
#include "lib/app/runtime.hpp"

namespace lsend::app {

namespace {

class Asker {
 public:
  Asker(Executor executor, Interrupt& interrupt, Node node)
      : executor_(executor),
        interrupt_(interrupt),
        node_(std::move(node)),
        discovery_(executor, node_, 1000, nullptr, nullptr),
        handler_(node_, [this](const DeviceInfo& info, const Endpoint& from,
                               bool verified) { discovery_.heard(info, from, verified); }),
        tasks_(executor) {}

  Task<Result<PeerInfo>> run(std::string target) {
    auto opened = open_server(executor_, node_, handler_, true);
    if (!opened) co_return opened.error();
    const auto server = std::move(*opened);
    auto started = discovery_.start();
    if (!started) co_return started.error();
    tasks_.spawn(discovery_.run(true));
    tasks_.spawn(server->run());
    auto result = co_await ask(std::move(target));
    discovery_.stop();
    server->stop();
    co_await tasks_.join();
    co_return result;
  }

 private:
  Task<Result<PeerInfo>> ask(std::string target) {
    auto peer = co_await find_target(node_, discovery_, std::move(target),
                                     node_.settings.connect_timeout, interrupt_);
    if (!peer) co_return peer.error();
    // Once more where it was found, with the clock running.
    ProbeRequest request(peer->endpoint.host, peer->endpoint.port);
    request.scheme = peer->endpoint.scheme;
    request.pin = peer->pin;
    request.limit = node_.settings.connect_timeout;
    const auto began = Clock::now();
    const auto again = co_await probe(node_, std::move(request));
    if (!again) co_return again.error();
    PeerInfo info;
    info.device = again->info;
    info.endpoint = again->endpoint;
    info.proven = again->proven;
    info.latency = std::chrono::duration_cast<Duration>(Clock::now() - began);
    co_return info;
  }

  Executor executor_;
  Interrupt& interrupt_;
  Node node_;
  DiscoveryService discovery_;
  ApiHandler handler_;
  net::TaskGroup tasks_;
};

}  // namespace

Result<OwnInfo> own_info(const Settings& settings) {
  auto node = Node::make(settings);
  if (!node) return node.error();
  const auto all = net::list_interfaces();
  if (!all) return all.error();
  const auto chosen = net::select_interfaces(*all, settings.interfaces);
  if (!chosen) return chosen.error();
  OwnInfo info;
  info.device = node->self;
  info.addresses = reachable_addresses(*chosen);
  info.home = settings.home;
  Runtime runtime;
  ApiHandler handler(*node, nullptr);
  net::HttpServer server(runtime.executor(), node->tls, handler, net::Speaks::https,
                         net::ServerLimits());
  info.port_free = server.listen(settings.port).has_value();
  return info;
}

Result<PeerInfo> peer_info(const Settings& settings, const std::string& target) {
  auto node = Node::make(settings);
  if (!node) return node.error();
  Runtime runtime;
  Asker asker(runtime.executor(), runtime.interrupt(), std::move(*node));
  return runtime.run(asker.run(target));
}

}  // namespace lsend::app
