#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace lsend::cmd {

/// What becomes of a text while nobody reads the descriptor that it is for.
enum class Worth : std::uint8_t {
  kept,      ///< it waits; whoever makes more of it is told to wait as well
  log,       ///< it waits while little else does; then it is dropped, which is told
  progress,  ///< the same, and it goes first
  frame,     ///< it is dropped when anything waits, and the next one takes its place
};

/// How much may wait for the reader of one descriptor (lsend(1), OUTPUT THAT NOBODY READS).
struct WriteBounds {
  static constexpr std::size_t progress = 64 * 1024;
  static constexpr std::size_t log = 256 * 1024;
  /// From here on transfers wait. What is under way may still have something to say.
  static constexpr std::size_t full = 1024 * 1024;
  /// For everything: what comes then is dropped, which is told.
  static constexpr std::size_t most = 64 * 1024 * 1024;
};

/// Texts that were dropped.
struct Dropped {
  std::uint64_t progress = 0, log = 0, kept = 0;
  bool any() const { return progress + log + kept > 0; }
};

/// Text on its way out to a descriptor whose reader may be slow, stopped or asleep: a pipe, a
/// socket, a terminal. What can be written without waiting is written at once, the rest by a thread
/// of its own, in the order in which it came. The descriptor is shared with other processes, so it
/// stays a blocking one. The thread may be stuck in write() for good: it is left behind at the end.
class WriteQueue {
 public:
  /// A line that tells of what was dropped. Called on any thread.
  using Notice = std::function<std::string(const Dropped&)>;

  WriteQueue(int descriptor, Notice notice);
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;
  /// What still waits is lost.
  ~WriteQueue();

  /// False when it was dropped. Waits only when much waits that is to be kept and nobody has asked
  /// by on_room() to be told instead.
  bool put(std::string_view text, Worth worth);
  /// From WriteBounds::full waiting bytes on until half of them are gone.
  bool full() const;
  /// `told`, on any thread, when it is full no more. An empty one ends that: none is called when
  /// this has returned.
  void on_room(std::function<void()> told);
  /// What was dropped so far is told now, not when the reader has caught up.
  void tell_dropped();
  /// Waits until all is written or failed. Not for what may be dropped when nothing of it moves for
  /// a second, nor beyond the end of a process that was told to stop; a signal ends the process
  /// meanwhile. `stall`: nor longer than so many seconds in which nothing moves; 0 is no limit.
  void drain(int stall_seconds = 0);
  /// Why writing failed, as errno; then everything is dropped in silence.
  int error() const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

/// Waits, also for whoever shares the descriptor with us and has made it non-blocking. 0 or errno.
int write_all(int descriptor, std::string_view text);

/// Do both descriptors lead to one reader, which would see what it gets out of order?
bool same_reader(int one, int other);

}  // namespace lsend::cmd
