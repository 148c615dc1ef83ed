#include "lib/app/hooks.hpp"

#include <algorithm>

#include "lib/app/subprocess.hpp"

namespace lsend::app {

namespace {

constexpr std::size_t kAtOnce = 4;
constexpr Duration kLimit = std::chrono::minutes(10);

}  // namespace

std::vector<std::string> hook_environment(const HookFile& file) {
  std::vector<std::string> variables;
  const auto add = [&](const char* name, std::string value) {
    // No variable can hold it, and none shall end early.
    std::replace(value.begin(), value.end(), '\0', '_');
    variables.push_back("LSEND_HOOK_" + std::string(name) + "=" + value);
  };
  add("PATH", file.path);
  add("NAME", file.name);
  add("SIZE", std::to_string(file.size));
  add("SHA256", file.sha256);
  add("ALIAS", file.alias);
  add("ADDRESS", file.address);
  add("FINGERPRINT", file.fingerprint);
  add("SESSION", file.session);
  return variables;
}

void Hooks::run(HookFile file) {
  if (command_.empty() || stopped_) return;
  waiting_.push_back(std::move(file));
  if (workers_ >= kAtOnce) return;
  ++workers_;
  // One that fails inside goes on with what is left.
  tasks_.spawn(net::keep_running("the commands of --exec", [this] { return work(); }));
}

Task<> Hooks::work() {
  while (!waiting_.empty()) {
    (void)co_await room_.wait(TimePoint::max());
    if (waiting_.empty()) break;
    const HookFile file = std::move(waiting_.front());
    waiting_.pop_front();
    ShellCommand command(command_, kLimit);
    command.arguments.push_back(file.path);
    command.environment = hook_environment(file);
    const auto began = Clock::now();
    const auto end = co_await run_command(std::move(command));
    HookEvent event;
    event.path = file.path;
    event.elapsed = std::chrono::duration_cast<Duration>(Clock::now() - began);
    event.ok = end && end->success();
    event.end = end ? end->describe(kLimit) : end.error().message();
    if (end) event.output = end->output;
    sink_.on(event);
  }
  --workers_;
}

Task<> Hooks::join() { co_await tasks_.join(); }

void Hooks::stop() {
  if (command_.empty() || stopped_) return;
  stopped_ = true;
  const auto left = waiting_.size() + tasks_.size();
  if (left == 0) return;
  sink_.on(WarningEvent{"the commands of --exec for " + std::to_string(left) +
                        " files were ended or not begun"});
  waiting_.clear();
  tasks_.cancel();
}

}  // namespace lsend::app
