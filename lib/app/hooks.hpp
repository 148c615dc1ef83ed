#pragma once

#include <deque>
#include <string>
#include <vector>

#include "lib/app/runtime.hpp"
#include "lsend/app/events.hpp"
#include "lsend/net/task_group.hpp"

namespace lsend::app {

/// A file that was stored, for the user's command.
struct HookFile {
  std::string path;    ///< absolute; "-" = it went to standard output
  std::string name;    ///< as announced
  std::string sha256;  ///< empty = not hashed
  std::uint64_t size = 0;
  std::string alias, address, session;
  std::string fingerprint;  ///< proven by TLS; empty = nobody proved one
};

/// The variables that the command finds (lsend-receive(1), HOOKS).
std::vector<std::string> hook_environment(const HookFile& file);

/// Runs the user's command for each stored file (cli.md, receive -x): a few at a time, in the order
/// in which the files came, while the transfers go on.
class Hooks {
 public:
  /// An empty command runs nothing.
  Hooks(Executor executor, std::string command, ProgressSink& sink, OutputRoom& room)
      : command_(std::move(command)), sink_(sink), room_(room), tasks_(executor) {}

  /// There is a command; else run() does nothing.
  bool any() const { return !command_.empty(); }
  void run(HookFile file);
  /// Waits until none is left.
  Task<> join();
  /// Ends those that run and starts no more.
  void stop();

 private:
  Task<> work();

  std::string command_;
  ProgressSink& sink_;
  OutputRoom& room_;
  std::deque<HookFile> waiting_;
  std::size_t workers_ = 0;
  bool stopped_ = false;
  net::TaskGroup tasks_;
};

}  // namespace lsend::app
