#pragma once

#include <functional>

#include "lib/app/call_off.hpp"
#include "lib/app/discovery_service.hpp"
#include "lsend/discovery/vigil.hpp"

namespace lsend::app {

/// Calls devices of which nothing is heard, and takes from the table those that are lost. stop()
/// and join() before it goes.
class Watch {
 public:
  using Lost = std::function<void(const discovery::Device& device)>;

  Watch(Executor executor, const Node& node, DiscoveryService& discovery, Lost lost);

  void start();
  void stop();
  Task<> join();

 private:
  Task<> look();
  void look_once();
  Task<> call(discovery::Vigil::Task task);

  const Node& node_;
  DiscoveryService& discovery_;
  Lost lost_;
  discovery::Vigil vigil_;
  CallOff call_off_;
  net::TaskGroup looking_, calls_;
};

}  // namespace lsend::app
