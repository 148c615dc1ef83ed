#include "lib/app/subprocess.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <csignal>
#include <fstream>
#include <thread>

#include "catch.hpp"
#include "lsend/net/task_group.hpp"

using namespace lsend;
using namespace std::chrono_literals;
using app::CommandEnd;
using app::ShellCommand;
using Kind = CommandEnd::Kind;

namespace {

CommandEnd run(ShellCommand command) {
  std::signal(SIGPIPE, SIG_IGN);
  net::asio::io_context context(1);
  std::optional<Result<CommandEnd>> end;
  net::asio::co_spawn(context, app::run_command(std::move(command)),
                      [&](std::exception_ptr failure, Result<CommandEnd> result) {
                        REQUIRE_FALSE(failure);
                        end = std::move(result);
                      });
  context.run_for(20s);
  REQUIRE(end.has_value());
  REQUIRE(end->has_value());
  return **end;
}

ShellCommand shell(std::string line) { return {std::move(line), 10s}; }

bool runs(pid_t pid) {
  // A zombie that nobody has reaped yet counts as ended.
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  return file >> number >> name >> state && state != "Z";
}

pid_t pid_in(const std::string& text) { return static_cast<pid_t>(std::stol(text)); }

net::Task<> sleep_long(std::string pid_file) {
  ShellCommand command("echo $$ > '" + pid_file + "'; sleep 60; true", 60s);
  co_await app::run_command(std::move(command));
}

bool ends_soon(pid_t pid) {
  for (int i = 0; i < 200 && runs(pid); ++i) std::this_thread::sleep_for(10ms);
  return !runs(pid);
}

}  // namespace

TEST_CASE("A command tells how it ended") {
  CHECK(run(shell("true")).success());
  const auto failed = run(shell("exit 3"));
  CHECK_FALSE(failed.success());
  CHECK(failed.describe(10s) == "ended with status 3");
  const auto killed = run(shell("kill -TERM $$"));
  CHECK_FALSE(killed.success());
  CHECK(killed.describe(10s) == "was ended by signal 15");
  CHECK(run(shell("no-such-program-anywhere")).number == 127);
}

TEST_CASE("What a peer said reaches a command as it is") {
  const std::string nasty = "a b\"$(touch x)';*\n\x1b[2J";
  auto command = shell("printf '%s|%s|%s|' \"$0\" \"$1\" \"$LSEND_HOOK_NAME\"; cat");
  command.arguments = {nasty};
  command.environment = {"LSEND_HOOK_NAME=" + nasty};
  command.input = nasty;
  CHECK(run(command).output == "lsend|" + nasty + "|" + nasty + "|" + nasty);
}

TEST_CASE("What is added to the environment is stronger, the rest stays") {
  setenv("LSEND_TEST_OLD", "old", 1);
  setenv("LSEND_TEST_KEPT", "kept", 1);
  auto command = shell("printf '%s %s' \"$LSEND_TEST_OLD\" \"$LSEND_TEST_KEPT\"");
  command.environment = {"LSEND_TEST_OLD=new"};
  CHECK(run(command).output == "new kept");
  unsetenv("LSEND_TEST_OLD");
  unsetenv("LSEND_TEST_KEPT");
}

TEST_CASE("A command has no descriptor of ours, its own group and no signal that is ignored") {
  const int null = open("/dev/null", O_RDONLY);
  const int inherited = fcntl(null, F_DUPFD, 200);
  REQUIRE(inherited >= 200);
  auto command = shell(
      "test -e /proc/$$/fd/$1 && echo open || echo closed; cut -d' ' -f5 /proc/$$/stat; echo $$; "
      "sed -n 's/^SigIgn:.//p' /proc/$$/status");
  command.arguments = {std::to_string(inherited)};
  const auto end = run(command);
  close(inherited);
  close(null);
  std::istringstream lines(end.output);
  std::string state, group, pid, ignored;
  lines >> state >> group >> pid >> ignored;
  CHECK(state == "closed");
  CHECK(group == pid);
  // glibc keeps two signals (32, 33) to itself.
  CHECK((std::stoull(ignored, nullptr, 16) & 0x7fffffffU) == 0);
}

TEST_CASE("A command that hangs is killed with all that it started") {
  ShellCommand command("sleep 60 & echo $!; wait", 200ms);
  const auto began = std::chrono::steady_clock::now();
  const auto end = run(command);
  CHECK(std::chrono::steady_clock::now() - began < 5s);
  CHECK(end.kind == Kind::timed_out);
  CHECK_FALSE(end.success());
  CHECK(end.describe(30s) == "ran longer than 30 s and was ended");
  CHECK(ends_soon(pid_in(end.output)));
}

TEST_CASE("A command that leaves something behind has ended all the same") {
  const auto end = run(shell("sleep 60 & echo $!"));
  CHECK(end.success());
  const pid_t left = pid_in(end.output);
  CHECK(runs(left));
  kill(left, SIGKILL);
}

TEST_CASE("Of what a command prints the beginning is kept, however much it is") {
  const auto end = run(shell("head -c 100000000 /dev/zero | tr '\\0' x; echo end >&2"));
  CHECK(end.success());
  CHECK(end.output == std::string(4096, 'x'));
}

TEST_CASE("A command that does not read its input succeeds") {
  auto command = shell("exec <&-; sleep 0.1; exit 0");
  command.input.assign(10'000'000, 'x');
  CHECK(run(command).success());
}

TEST_CASE("Cancelling kills the command") {
  std::signal(SIGPIPE, SIG_IGN);
  char name[] = "/tmp/lsend-subprocess-XXXXXX";
  const int file = mkstemp(name);
  REQUIRE(file >= 0);
  close(file);
  net::asio::io_context context(1);
  net::TaskGroup group(context.get_executor());
  group.spawn(sleep_long(name));
  std::string pid;
  for (int i = 0; i < 500 && pid.empty(); ++i) {
    context.run_for(10ms);
    context.restart();
    std::ifstream(name) >> pid;
  }
  unlink(name);
  REQUIRE_FALSE(pid.empty());
  CHECK(runs(pid_in(pid)));
  group.cancel();
  context.run_for(5s);
  CHECK(group.size() == 0);
  CHECK(ends_soon(pid_in(pid)));
}
