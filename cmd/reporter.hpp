#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cmd/write_queue.hpp"
#include "lsend/app/events.hpp"
#include "lsend/app/send.hpp"

namespace lsend::cmd {

/// What came of a command, counted from its events.
struct Totals {
  std::size_t devices = 0;
  std::size_t sessions = 0, messages = 0;
  std::size_t files_done = 0, files_failed = 0, files_skipped = 0;
  std::uint64_t bytes = 0;  ///< of the files that are done
  Duration elapsed{0};
  std::optional<app::TargetEvent> target;  ///< where there is one only
  std::vector<app::TargetReport> targets;  ///< where there may be several
};

/// Tells of a command that goes on for a while, and of how it ended.
class Reporter : public app::ProgressSink {
 public:
  /// Once, at the end; `error` is null for success.
  virtual void finish(const Totals& totals, const Error* error) = 0;
};

/// "12 of progress and 3 of the log": lines that were dropped, as part of a sentence.
std::string describe(const Dropped& dropped);

/// Counts on the way to the reporter: by files, and where there are sessions by their own sums,
/// which also know of files that never came.
class Tally final : public app::PassingSink {
 public:
  using Say = std::function<void(const std::string& line)>;
  /// `say` hears the answer to a StatusEvent.
  explicit Tally(app::ProgressSink& next, Say say = {})
      : PassingSink(next), say_(std::move(say)), started_(Clock::now()) {}

  void on(const app::Event& event) override;
  Totals totals() const;

 private:
  std::string status(const app::DroppedDatagrams& dropped) const;

  Say say_;
  TimePoint started_;
  Totals totals_;
  std::optional<app::ProgressEvent> now_;  ///< of a transfer that runs
  Totals ended_;                           ///< the sums of the sessions of `receive`
};

}  // namespace lsend::cmd
