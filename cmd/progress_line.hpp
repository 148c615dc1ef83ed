#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cmd/channel.hpp"
#include "cmd/options.hpp"

namespace lsend::cmd {

/// "1:05", "2:03:04"; what is left of a second counts as one.
std::string format_clock(Duration time);

/// "3.2 s", "1:05".
std::string format_elapsed(Duration time);

struct LineLook {
  std::size_t columns;
  bool bar = false;
  bool color = false;
};

/// " 45% [###----]  1.23 GB / 2.74 GB  35.2 MB/s  0:43 left  2/7 files  Pixel": what does not fit
/// is left out, the least important first.
std::string progress_line(const app::ProgressEvent& event, const LineLook& look);

/// "   45%  12.3 MB  holi…ay.jpg".
std::string active_line(const transfer::ActiveFile& file, std::size_t columns);

/// A few lines that are drawn again and again (ten times a second at most): the files that move and
/// the whole. Or plain lines (one each 30 s at most), or nothing. It asks for the terminal's size
/// each time it draws and so follows it.
class ProgressDisplay {
 public:
  ProgressDisplay(ProgressMode mode, Channel& channel, bool color = false)
      : mode_(mode), channel_(channel), color_(color) {}

  void show(const app::ProgressEvent& event, TimePoint now);
  /// What we are at while there is nothing to count; on a terminal only.
  void status(const std::string& text);
  /// Before anything else is printed, and at the end.
  void clear();
  /// The next transfer counts its time from its own beginning.
  void end();

 private:
  void draw(const app::ProgressEvent& event, TimePoint now);
  bool may_draw() const;
  void put(const std::vector<std::string>& lines, std::size_t columns);
  std::string to_top(std::size_t columns) const;
  void print(const app::ProgressEvent& event, TimePoint now);

  ProgressMode mode_;
  Channel& channel_;
  bool color_;
  std::optional<TimePoint> last_;
  std::vector<std::size_t> drawn_;  ///< the widths of the lines that stand there
};

}  // namespace lsend::cmd
