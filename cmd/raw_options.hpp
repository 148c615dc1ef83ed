#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cmd/options.hpp"

namespace lsend::cmd {

using Text = std::optional<std::string>;
using Texts = std::vector<std::string>;

/// Options as they were typed: told apart from one another, not yet understood.
struct RawShared {
  bool json = false, http = false;
  unsigned quiet = 0, verbose = 0;
  Text log_level, progress, color, alias, port, multicast_port, connect_timeout, stall_timeout,
      config;
  Texts multicast_groups, interfaces;
};

struct RawDiscover {
  Text timeout, count, scan;  ///< scan: its CIDR, empty without one
  bool watch = false, no_scan = false, long_format = false;
};

struct RawSend {
  Text message, name, size, prefix, pin, pin_file, jobs, wait, accept_timeout, trust, files_from,
      retry;
  bool follow = false, checksum = false, no_checksum = false;
  bool resume = false, no_resume = false;
  bool null = false, require_all = false, dry_run = false;
  Texts to;
  std::vector<storage::NameFilter::Rule> rules;  ///< --exclude and --include, as they came
  Texts fingerprints;
};

struct RawReceive {
  Text dir, pin, pin_file, accept_exec, count, idle_timeout, max_sessions, max_size, max_file_size,
      max_files, min_free, max_connections, ready_file, conflict, fsync, output, exec, mode,
      group;
  Texts accept_from, allow, deny;
  bool auto_accept = false, once = false, no_checksum = false, no_announce = false;
  bool shared_dir = false, no_executable = false;
};

struct RawInfo {
  bool self = false;
};

struct RawOptions {
  RawShared shared;
  RawDiscover discover;
  RawSend send;
  RawReceive receive;
  RawInfo info;
  std::string command;  ///< its name, never an alias
  Texts operands;
};

class Sources;

/// Understands them. Errc::usage names the option, variable or key that is wrong.
Result<Options> convert(const RawOptions& raw, const Sources& sources);

}  // namespace lsend::cmd
