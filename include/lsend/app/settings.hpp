#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lsend/model/device.hpp"
#include "lsend/model/time.hpp"
#include "lsend/storage/home.hpp"

namespace lsend::app {

/// What all commands share (cli.md, Shared options).
struct Settings {
  storage::Home home;
  std::string alias;
  std::uint16_t port = kDefaultPort;  ///< our TCP port; 0 = any free one
  bool port_chosen = false;  ///< the user named it: a busy one is an error, never another port
  std::vector<std::string> multicast_groups{"224.0.0.167", "ff12::fd3a:e420"};
  std::uint16_t multicast_port = kDefaultPort;
  std::vector<std::string> interfaces;  ///< names or CIDRs; empty = every one that can multicast
  bool http = false;
  Duration connect_timeout = std::chrono::seconds(5);
  Duration stall_timeout = std::chrono::seconds(30);
  /// Targets that are called by one name, @name; [groups] of the configuration.
  std::map<std::string, std::vector<std::string>> groups;
};

}  // namespace lsend::app
