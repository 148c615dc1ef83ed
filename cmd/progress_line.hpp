#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "cmd/channel.hpp"
#include "cmd/options.hpp"

namespace lsend::cmd {

/// "1:05", "2:03:04"; what is left of a second counts as one.
std::string format_clock(Duration time);

/// "3.2 s", "1:05".
std::string format_elapsed(Duration time);

/// " 45%  1.23 GB / 2.74 GB  35.2 MB/s  0:43 left  2/7 files  Pixel", cut to `columns`.
std::string progress_line(const app::ProgressEvent& event, std::size_t columns);

/// One line that is drawn again and again (ten times a second at most), or plain lines (one each
/// 30 s at most), or nothing.
class ProgressDisplay {
 public:
  ProgressDisplay(ProgressMode mode, Channel& channel) : mode_(mode), channel_(channel) {}

  void show(const app::ProgressEvent& event, TimePoint now);
  /// Before anything else is printed, and at the end.
  void clear();
  /// The next transfer counts its time from its own beginning.
  void end();

 private:
  void draw(const app::ProgressEvent& event, TimePoint now);
  void print(const app::ProgressEvent& event, TimePoint now);

  ProgressMode mode_;
  Channel& channel_;
  std::optional<TimePoint> last_;
  bool drawn_ = false;
};

}  // namespace lsend::cmd
