#include "lib/app/subprocess.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>

#include "lsend/model/text.hpp"
#include "lsend/net/task_group.hpp"
#include "lsend/storage/unique_fd.hpp"

namespace lsend::app {
namespace {

namespace asio = net::asio;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
using storage::UniqueFd;

constexpr std::size_t kKeptOutput = 4096;
constexpr std::size_t kReadBlock = 4096;
/// What may lie in the pipe when the command has ended.
constexpr std::size_t kLateOutput = 1024 * 1024;
constexpr int kReapMilliseconds = 1000;
constexpr int kReapLooks = 50;
constexpr Duration kReapPause{20};

struct Pipe {
  UniqueFd read, write;
  bool open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    read.reset(ends[0]);
    write.reset(ends[1]);
    return true;
  }
};

/// The attributes and file actions of posix_spawn, freed as they go.
class SpawnPlan {
 public:
  SpawnPlan(int input, int output) {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&actions_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    // Sockets are not opened close-on-exec by Asio.
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  const posix_spawnattr_t* attributes() const { return &attributes_; }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

/// Ours, but for the names that `added` has.
std::vector<std::string> environment_with(const std::vector<std::string>& added) {
  const auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  std::vector<std::string> all = added;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const auto name = name_of(*entry);
    const bool replaced = std::any_of(added.begin(), added.end(),
                                      [&](const auto& one) { return name_of(one) == name; });
    if (!replaced) all.emplace_back(*entry);
  }
  return all;
}

Error not_started(int error) { return fail_errno(Errc::failed, "cannot start a command", error); }

/// A process that runs, with our ends of its pipes.
class Child {
 public:
  Child(Executor executor, pid_t pid, UniqueFd pidfd, UniqueFd input, UniqueFd output)
      : pid_(pid), watch_(executor), input_(executor), output_(executor) {
    watch_.assign(pidfd.release());
    input_.assign(input.release());
    output_.assign(output.release());
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (reaped_) return;
    kill();
    pollfd ended{watch_.native_handle(), POLLIN, 0};
    while (poll(&ended, 1, kReapMilliseconds) < 0 && errno == EINTR) {
    }
    (void)reap();
  }

  Descriptor& watch() { return watch_; }
  Descriptor& input() { return input_; }
  Descriptor& output() { return output_; }
  const std::string& kept() const { return kept_; }

  /// The group outlives its leader while that is not reaped: the number is still ours.
  void kill() const {
    if (!reaped_) ::kill(-pid_, SIGKILL);
  }
  void keep(std::string_view text) {
    kept_ += text.substr(0, kKeptOutput - std::min(kKeptOutput, kept_.size()));
  }
  std::optional<siginfo_t> reap() {
    siginfo_t info{};
    int status = 0;
    do {
      status = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG);
    } while (status != 0 && errno == EINTR);
    if (status != 0 || info.si_pid == 0) return std::nullopt;
    reaped_ = true;
    return info;
  }
  /// What it wrote just before it ended. A process that it left behind may go on writing.
  void keep_late_output() {
    std::array<char, kReadBlock> block{};
    for (std::size_t all = 0; all < kLateOutput;) {
      const auto count = ::read(output_.native_handle(), block.data(), block.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return;
      keep(std::string_view(block.data(), static_cast<std::size_t>(count)));
      all += static_cast<std::size_t>(count);
    }
  }

 private:
  pid_t pid_;
  Descriptor watch_, input_, output_;
  std::string kept_;
  bool reaped_ = false;
};

using ChildPtr = std::shared_ptr<Child>;

Result<ChildPtr> start(Executor executor, const ShellCommand& command) {
  Pipe input, output;
  if (!input.open() || !output.open()) return not_started(errno);
  std::vector<std::string> words{"/bin/sh", "-c", command.line, "lsend"};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  auto variables = environment_with(command.environment);
  const SpawnPlan plan(input.read.get(), output.write.get());
  pid_t pid = 0;
  const int error = posix_spawn(&pid, words.front().c_str(), plan.actions(), plan.attributes(),
                                pointers(words).data(), pointers(variables).data());
  if (error != 0) return not_started(error);
  // Debian 12's <sys/pidfd.h> forgets extern "C".
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {
    const int why = errno;
    ::kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return not_started(why);
  }
  // Asio makes them non-blocking only with its first operation; late output is read without one.
  fcntl(output.read.get(), F_SETFL, O_NONBLOCK);
  return std::make_shared<Child>(executor, pid, std::move(pidfd), std::move(input.write),
                                 std::move(output.read));
}

Task<> feed(ChildPtr child, std::string input) {
  // A command that does not read its input is not wrong.
  co_await asio::async_write(child->input(), asio::buffer(input), net::use_tuple);
  child->input().close();
}

Task<> collect(ChildPtr child) {
  std::array<char, kReadBlock> block{};
  while (true) {
    const auto [error, count] =
        co_await child->output().async_read_some(asio::buffer(block), net::use_tuple);
    if (error) co_return;
    child->keep(std::string_view(block.data(), count));
  }
}

Task<> enforce(ChildPtr child, Duration limit, std::shared_ptr<bool> over) {
  const bool waited = co_await net::sleep_for(limit);
  if (!waited) co_return;
  *over = true;
  child->kill();
}

/// Until it has ended.
Task<> attend(net::TaskGroup& helpers, ChildPtr child, ShellCommand& command,
              std::shared_ptr<bool> over) {
  helpers.spawn(feed(child, std::move(command.input)));
  helpers.spawn(collect(child));
  helpers.spawn(enforce(child, command.limit, over));
  co_await child->watch().async_wait(Descriptor::wait_read, net::use_tuple);
  helpers.cancel();
}

}  // namespace

std::string CommandEnd::describe(Duration limit) const {
  if (kind == Kind::timed_out) {
    return "ran longer than " + std::to_string(limit / std::chrono::seconds(1)) +
           " s and was ended";
  }
  if (kind == Kind::signalled) return "was ended by signal " + std::to_string(number);
  return "ended with status " + std::to_string(number);
}

Task<Result<CommandEnd>> run_command(ShellCommand command) {
  const auto executor = co_await asio::this_coro::executor;
  auto started = start(executor, command);
  if (!started) co_return started.error();
  const ChildPtr child = std::move(*started);
  const auto over = std::make_shared<bool>(false);
  // The helpers hold the child too: only this one may decide when it is killed.
  const std::unique_ptr<Child, void (*)(Child*)> killer(child.get(),
                                                        [](Child* one) { one->kill(); });
  auto job = [&](net::TaskGroup& helpers) { return attend(helpers, child, command, over); };
  co_await net::with_children(std::move(job));
  child->keep_late_output();
  auto info = child->reap();
  // A wait may end early: it says only that something happened to the descriptor.
  for (int looks = 0; !info && looks < kReapLooks; ++looks) {
    co_await net::sleep_for(kReapPause);
    info = child->reap();
  }
  if (!info) co_return fail(Errc::failed, "a command ended and nobody can tell how");
  CommandEnd end;
  end.number = info->si_status;
  if (info->si_code != CLD_EXITED) end.kind = CommandEnd::Kind::signalled;
  if (*over) end.kind = CommandEnd::Kind::timed_out;
  end.output = child->kept();
  co_return end;
}

}  // namespace lsend::app
