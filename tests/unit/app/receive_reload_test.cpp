#include "lib/app/receive_reload.hpp"

#include <csignal>
#include <deque>

#include "catch.hpp"
#include "lsend/net/task_group.hpp"

using namespace lsend;
using namespace lsend::app;

namespace {

struct Warnings final : ProgressSink {
  void on(const Event& event) override { texts.push_back(std::get<WarningEvent>(event).message); }
  std::vector<std::string> texts;
};

/// A receiver that has come to its server, and the options that its configuration gives next.
struct Script {
  explicit Script(bool fenced_in = false) {
    options.auto_accept = true;
    options.reload = [this]() -> Result<ReceiveOptions> {
      auto next = std::move(configured.front());
      configured.pop_front();
      return next;
    };
    reload.emplace(context.get_executor(), options, deciders, manager, interrupt, warnings);
    reload->on_change = [this] { ++changes; };
    if (fenced_in) reload->confined();
  }

  void hang_up(Result<ReceiveOptions> next) {
    configured.push_back(std::move(next));
    REQUIRE(raise(SIGHUP) == 0);
  }
  void run() {
    net::TaskGroup tasks(context.get_executor());
    tasks.spawn(reload->run());
    while (!configured.empty()) REQUIRE(context.run_one_for(std::chrono::seconds(10)) > 0);
    tasks.cancel();
    context.run();
    context.restart();
  }

  net::asio::io_context context;
  ReceiveOptions options;
  const Deciders deciders;
  const ServiceManager manager;
  Interrupt interrupt;
  Warnings warnings;
  std::deque<Result<ReceiveOptions>> configured;
  std::optional<ReceiveReload> reload;
  int changes = 0;
};

ReceiveOptions accepting() {
  ReceiveOptions options;
  options.auto_accept = true;
  return options;
}

}  // namespace

TEST_CASE("a SIGHUP that comes before anybody waits for it is not lost") {
  Script script;
  auto next = accepting();
  next.limits.max_files = 7;
  script.hang_up(next);
  script.run();
  CHECK(script.options.limits.max_files == 7);
  CHECK(script.changes == 1);
  CHECK(script.warnings.texts.empty());
}

TEST_CASE("options that cannot hold leave all as they were, and say why") {
  struct Case {
    bool fenced_in;
    std::function<void(ReceiveOptions&)> change;
    std::string why;
  };
  const std::vector<Case> cases = {
      {false, [](auto& next) { next.auto_accept = false; }, "nobody could be accepted any more"},
      {true, [](auto& next) { next.accept_exec = "true"; },
       "a command of --accept-exec needs a new start: this receiver is fenced in"},
      {false, [](auto& next) { next.random_pin = true; }, "a random PIN needs a new start"},
  };
  for (const auto& c : cases) {
    Script script(c.fenced_in);
    auto next = accepting();
    next.limits.max_files = 7;
    c.change(next);
    script.hang_up(next);
    script.run();
    CHECK(script.warnings.texts == std::vector{"the options stay as they were: " + c.why});
    CHECK(script.options.limits.max_files != 7);
    CHECK(script.changes == 0);
  }
}

TEST_CASE("a configuration with a mistake leaves all as it was") {
  Script script;
  script.hang_up(fail(Errc::usage, "config.toml:2:1: what is this?"));
  script.run();
  CHECK(script.warnings.texts ==
        std::vector<std::string>{"the options stay as they were: config.toml:2:1: what is this?"});
  CHECK_FALSE(script.interrupt.requested());
}

TEST_CASE("a PIN that was made up outlives the reading, a configured one is replaced") {
  Script script;
  script.options.pin = "271828";
  script.options.random_pin = true;
  auto same = accepting();
  same.random_pin = true;
  script.hang_up(same);
  script.run();
  CHECK(script.options.pin == "271828");
  auto own = accepting();
  own.pin = "4711";
  script.hang_up(own);
  script.run();
  CHECK(script.options.pin == "4711");
  CHECK(script.changes == 2);
}

TEST_CASE("a terminal that was closed ends the receiver") {
  Script script;
  script.hang_up(fail(Errc::terminated, "the terminal was closed"));
  script.run();
  REQUIRE(script.interrupt.requested());
  CHECK(script.interrupt.error().code() == Errc::terminated);
  CHECK(script.changes == 0);
}
