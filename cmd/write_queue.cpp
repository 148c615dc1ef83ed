#include "cmd/write_queue.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "lsend/app/stop_signal.hpp"
#include "lsend/model/time.hpp"

namespace lsend::cmd {
namespace {

/// So long may the thread take for what is worth little, at the end.
constexpr Duration kForLittle = std::chrono::seconds(1);

/// How text gets to a descriptor without waiting for its reader.
enum class Way : std::uint8_t {
  direct,  ///< a file, /dev/null: there is no reader
  pipe,
  socket,
  thread,  ///< a terminal, or a kernel that cannot: only by a thread
};

Way way_to(int descriptor) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0 || S_ISREG(status.st_mode)) return Way::direct;
  if (S_ISFIFO(status.st_mode)) return Way::pipe;
  if (S_ISSOCK(status.st_mode)) return Way::socket;
  return S_ISCHR(status.st_mode) && isatty(descriptor) == 0 ? Way::direct : Way::thread;
}

ssize_t write_without_waiting(Way way, int descriptor, std::string_view text) {
  if (way == Way::socket) return send(descriptor, text.data(), text.size(), MSG_DONTWAIT);
  // preadv2(2) takes no const.
  const iovec block{const_cast<char*>(text.data()), text.size()};
  return pwritev2(descriptor, &block, 1, -1, RWF_NOWAIT);
}

std::size_t bound_of(Worth worth) {
  switch (worth) {
    case Worth::frame:
      return 0;
    case Worth::progress:
      return WriteBounds::progress;
    case Worth::log:
      return WriteBounds::log;
    case Worth::kept:
      break;
  }
  return WriteBounds::most;
}

/// Whole lines as far as they go into a pipe in one piece, whoever else writes to it.
std::string_view next_piece(std::string_view text) {
  if (text.size() <= PIPE_BUF) return text;
  const auto end = text.substr(0, PIPE_BUF).rfind('\n');
  return text.substr(0, end == std::string_view::npos ? PIPE_BUF : end + 1);
}

/// While the main thread waits for a reader: a signal that would kill the process ends it with the
/// exit code that cli.md gives it.
class EndBySignal {
 public:
  EndBySignal() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      struct sigaction ours {};
      ours.sa_handler = [](int number) { _exit(128 + number); };
      (void)sigaction(kSignals[i], nullptr, &before_[i]);
      if (before_[i].sa_handler == SIG_DFL) (void)sigaction(kSignals[i], &ours, nullptr);
    }
  }
  EndBySignal(const EndBySignal&) = delete;
  EndBySignal& operator=(const EndBySignal&) = delete;
  ~EndBySignal() {
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      (void)sigaction(kSignals[i], &before_[i], nullptr);
  }

 private:
  static constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, 3> before_{};
};

}  // namespace

int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto bytes = ::write(descriptor, text.data(), text.size());
    if (bytes >= 0) {
      text.remove_prefix(static_cast<std::size_t>(bytes));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd ready{descriptor, POLLOUT, 0};
      (void)::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

struct WriteQueue::State {
  State(int to, Notice tell) : descriptor(to), notice(std::move(tell)), way(way_to(to)) {}

  std::size_t waits() const { return waiting.size() + under_way; }
  void fail(int why) {
    error = why;
    waiting.clear();
    under_way = 0;
    make_room();
  }
  void append(std::string_view text, bool keep) {
    waiting += text;
    accepted += text.size();
    if (keep) kept_until = accepted;
    is_full = is_full || waits() >= WriteBounds::full;
    work.notify_one();
  }
  void make_room() {
    if (is_full && waits() < WriteBounds::full / 2) {
      is_full = false;
      if (room) room();
    }
    moved.notify_all();
  }
  void tell_dropped() {
    if (!dropped.any()) return;
    try {
      const auto line = notice ? notice(dropped) : std::string();
      append(line, true);
      dropped = Dropped();
    } catch (const std::bad_alloc&) {
      // On the writer's thread nobody would catch it. It is told when there is memory.
    }
  }
  std::size_t write_now(std::string_view text);
  void start_writer(const std::shared_ptr<State>& self);
  void write_rest(std::unique_lock<std::mutex>& lock, const std::string& batch);

  const int descriptor;
  const Notice notice;
  std::mutex mutex;
  std::condition_variable work, moved;
  Way way;
  std::string waiting;
  std::size_t under_way = 0;        ///< of what the thread has taken
  std::uint64_t accepted = 0;       ///< bytes, ever
  std::uint64_t kept_until = 0;     ///< of these: up to the end of the last one that is kept
  TimePoint last_moved = Clock::now();
  Dropped dropped;
  std::function<void()> room;
  bool is_full = false;
  bool running = false;  ///< the thread
  bool closed = false;
  int error = 0;
};

namespace {

void write_loop(const std::shared_ptr<WriteQueue::State>& state) {
  std::unique_lock lock(state->mutex);
  while (true) {
    state->work.wait(lock, [&] { return state->closed || !state->waiting.empty(); });
    if (state->closed || state->error != 0) return;
    std::string batch;
    batch.swap(state->waiting);
    state->under_way = batch.size();
    state->write_rest(lock, batch);
    // The reader has caught up.
    if (state->waiting.empty() && state->error == 0) state->tell_dropped();
  }
}

}  // namespace

void WriteQueue::State::write_rest(std::unique_lock<std::mutex>& lock, const std::string& batch) {
  std::string_view rest = batch;
  while (!rest.empty() && error == 0 && !closed) {
    const auto piece = next_piece(rest);
    lock.unlock();
    const int why = write_all(descriptor, piece);
    lock.lock();
    if (why != 0) return fail(why);
    rest.remove_prefix(piece.size());
    under_way = rest.size();
    last_moved = Clock::now();
    make_room();
  }
}

/// How much of it went out without waiting, when nothing waits before it.
std::size_t WriteQueue::State::write_now(std::string_view text) {
  if (way == Way::direct) {
    if (const int why = write_all(descriptor, text); why != 0) fail(why);
    return text.size();
  }
  if (way == Way::thread) return 0;
  while (true) {
    const auto bytes = write_without_waiting(way, descriptor, text);
    if (bytes >= 0) return static_cast<std::size_t>(bytes);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno == EINTR) continue;
    // Linux before 6.4 has it not for pipes, and some sandboxes refuse the call.
    const bool unable = errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL || errno == EPERM;
    if (!unable) fail(errno);
    way = Way::thread;
    return 0;
  }
}

/// What waits goes out by the thread, which the first of it starts.
void WriteQueue::State::start_writer(const std::shared_ptr<State>& self) {
  if (running) return;
  try {
    std::thread(write_loop, self).detach();
    running = true;
  } catch (const std::system_error&) {
    // Without a thread everybody waits.
    const auto batch = std::exchange(waiting, std::string());
    if (const int why = write_all(descriptor, batch); why != 0) fail(why);
    make_room();
  }
}

bool WriteQueue::put(std::string_view text, Worth worth) {
  auto& state = *state_;
  std::unique_lock lock(state.mutex);
  const auto written = state.error == 0 && state.waits() == 0 ? state.write_now(text) : 0;
  text.remove_prefix(written);
  if (state.error != 0 || text.empty()) return true;
  const bool keep = worth == Worth::kept;
  if (keep && !state.room && state.is_full) {
    // Nobody else is served meanwhile: it is no loop that puts it.
    const EndBySignal guard;
    while (state.is_full && state.error == 0 && !app::stop_signal()) state.moved.wait(lock);
    if (state.error != 0) return true;
  }
  // What is begun is never cut, and one that nothing waits before may be of any size.
  const bool first = state.waits() == 0 && (worth != Worth::frame || state.way == Way::thread);
  if (written == 0 && !first && state.waits() + text.size() > bound_of(worth)) {
    if (worth == Worth::progress) ++state.dropped.progress;
    if (worth == Worth::log) ++state.dropped.log;
    if (keep) ++state.dropped.kept;
    return false;
  }
  state.append(text, keep);
  state.start_writer(state_);
  return true;
}

WriteQueue::WriteQueue(int descriptor, Notice notice)
    : state_(std::make_shared<State>(descriptor, std::move(notice))) {}

WriteQueue::~WriteQueue() {
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->room = nullptr;
  state_->work.notify_one();
}

bool WriteQueue::full() const {
  const std::lock_guard lock(state_->mutex);
  return state_->is_full;
}

void WriteQueue::on_room(std::function<void()> told) {
  const std::lock_guard lock(state_->mutex);
  state_->room = std::move(told);
}

void WriteQueue::tell_dropped() {
  const std::lock_guard lock(state_->mutex);
  if (state_->error != 0 || !state_->dropped.any()) return;
  state_->tell_dropped();
  state_->start_writer(state_);
}

void WriteQueue::drain(int stall_seconds) {
  auto& state = *state_;
  std::unique_lock lock(state.mutex);
  if (state.waits() == 0 || state.error != 0) return;
  const EndBySignal guard;
  const auto began = Clock::now();
  while (state.waits() > 0 && state.error == 0) {
    auto limit = TimePoint::max();
    const auto moved = std::max(began, state.last_moved);
    if (const auto stop = app::stop_signal()) limit = stop->until;
    if (stall_seconds > 0) limit = std::min(limit, moved + std::chrono::seconds(stall_seconds));
    if (state.accepted - state.waits() >= state.kept_until)
      limit = std::min(limit, moved + kForLittle);
    if (Clock::now() >= limit) return;
    if (limit == TimePoint::max())
      state.moved.wait(lock);
    else
      state.moved.wait_until(lock, limit);
  }
}

int WriteQueue::error() const {
  const std::lock_guard lock(state_->mutex);
  return state_->error;
}

bool same_reader(int one, int other) {
  struct stat first {}, second {};
  if (fstat(one, &first) != 0 || fstat(other, &second) != 0) return false;
  // Files have a place of their own for each who has opened them.
  if (way_to(one) == Way::direct || way_to(other) == Way::direct) return false;
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace lsend::cmd
