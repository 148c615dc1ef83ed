#include "cmd/progress_line.hpp"

#include <algorithm>
#include <limits>

#include "cmd/columns.hpp"
#include "cmd/terminal.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

constexpr Duration kDrawEvery{100};
constexpr Duration kPrintEvery = std::chrono::seconds(30);
constexpr std::size_t kAliasBytes = 64;

std::uint64_t whole_bytes(double value) {
  constexpr double most = 9e18;
  return value > 0 ? static_cast<std::uint64_t>(std::min(value, most)) : 0;
}

unsigned percent(const app::ProgressEvent& event) {
  if (event.total_bytes == 0) return 100;
  const auto share =
      static_cast<long double>(event.bytes) / static_cast<long double>(event.total_bytes);
  // 100 is for what is whole.
  const auto hundredth = static_cast<unsigned>(std::clamp(share, 0.0L, 1.0L) * 100);
  return event.bytes < event.total_bytes ? std::min(hundredth, 99U) : hundredth;
}

std::string two_digits(std::int64_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

}  // namespace

std::string format_clock(Duration time) {
  const std::int64_t total = std::chrono::ceil<std::chrono::seconds>(time).count();
  const auto hours = total / 3600;
  const auto minutes = total / 60 % 60;
  const auto seconds = two_digits(total % 60);
  if (hours == 0) return std::to_string(minutes) + ":" + seconds;
  return std::to_string(hours) + ":" + two_digits(minutes) + ":" + seconds;
}

std::string format_elapsed(Duration time) {
  if (time >= std::chrono::minutes(1)) return format_clock(time);
  const auto tenths = time.count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

std::string progress_line(const app::ProgressEvent& event, std::size_t columns) {
  auto line = std::to_string(percent(event)) + "%  ";
  line.insert(0, 6 - std::min<std::size_t>(6, line.size()), ' ');
  line += format_size(event.bytes) + " / " + format_size(event.total_bytes);
  line += "  " + format_size(whole_bytes(event.bytes_per_second)) + "/s";
  if (event.remaining) line += "  " + format_clock(*event.remaining) + " left";
  if (event.total_files > 1)
    line += "  " + std::to_string(event.files) + "/" + std::to_string(event.total_files) + " files";
  line += "  " + escape_for_terminal(event.peer, kAliasBytes);
  return cut_columns(line, columns);
}

void ProgressDisplay::show(const app::ProgressEvent& event, TimePoint now) {
  if (mode_ == ProgressMode::bar) draw(event, now);
  if (mode_ == ProgressMode::plain) print(event, now);
}

void ProgressDisplay::draw(const app::ProgressEvent& event, TimePoint now) {
  if (last_ && now - *last_ < kDrawEvery) return;
  const auto descriptor = channel_.descriptor();
  if (is_terminal(descriptor) && !in_foreground(descriptor)) return;
  last_ = now;
  drawn_ = true;
  // A line that fills the last column wraps on some terminals.
  channel_.write("\r" + progress_line(event, terminal_width(descriptor) - 1) + "\x1b[K");
}

void ProgressDisplay::print(const app::ProgressEvent& event, TimePoint now) {
  if (!last_) last_ = now;
  if (now - *last_ < kPrintEvery) return;
  last_ = now;
  channel_.write(progress_line(event, std::numeric_limits<std::size_t>::max()) + "\n");
}

void ProgressDisplay::clear() {
  if (drawn_) channel_.write("\r\x1b[K");
  drawn_ = false;
}

void ProgressDisplay::end() {
  clear();
  last_.reset();
}

}  // namespace lsend::cmd
