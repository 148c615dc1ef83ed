#include "cmd/progress_line.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "cmd/columns.hpp"
#include "cmd/terminal.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

constexpr Duration kDrawEvery{100};
constexpr Duration kPrintEvery = std::chrono::seconds(30);
constexpr std::size_t kAliasBytes = 64;
constexpr std::size_t kNameBytes = 1024;
constexpr std::size_t kLeastBar = 8, kMostBar = 40;

std::uint64_t whole_bytes(double value) {
  constexpr double most = 9e18;
  return value > 0 ? static_cast<std::uint64_t>(std::min(value, most)) : 0;
}

unsigned share_of(std::uint64_t bytes, std::uint64_t total) {
  if (total == 0) return 100;
  const auto share = static_cast<long double>(bytes) / static_cast<long double>(total);
  // 100 is for what is whole.
  const auto hundredth = static_cast<unsigned>(std::clamp(share, 0.0L, 1.0L) * 100);
  return bytes < total ? std::min(hundredth, 99U) : hundredth;
}

unsigned percent(const app::ProgressEvent& event) {
  return share_of(event.bytes, event.total_bytes);
}

struct Part {
  std::string text;
  std::size_t rank;
  bool taken = false;
};

/// Takes parts by their rank as long as there is room; what is left of it stays in `room`.
void choose(std::array<Part, 6>& parts, std::size_t& room) {
  for (std::size_t rank = 0; rank < parts.size(); ++rank)
    for (auto& part : parts) {
      if (part.rank != rank || part.text.empty()) continue;
      const auto needed = display_width(part.text) + (part.text.starts_with('/') ? 1 : 2);
      if (needed > room) return;
      part.taken = true;
      room -= needed;
    }
}

std::string bar(const app::ProgressEvent& event, std::size_t cells, bool color) {
  const auto full = cells * percent(event) / 100;
  auto line = std::string(full, '#');
  if (color) line = (event.stalled ? "\x1b[33m" : "\x1b[32m") + line + "\x1b[0m";
  return "[" + line + std::string(cells - full, '-') + "]";
}

/// Without the colours of the bar, which take no room.
std::size_t visible_width(const std::string& line) {
  const auto begin = line.find('\x1b');
  if (begin == std::string::npos) return display_width(line);
  constexpr std::size_t both = 4 + 3;  // "[32m" and "[0m"; ESC itself counts for nothing
  return display_width(line) - both;
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

std::string progress_line(const app::ProgressEvent& event, const LineLook& look) {
  auto head = std::to_string(percent(event)) + "%";
  head.insert(0, 4 - std::min<std::size_t>(4, head.size()), ' ');
  const auto done = format_size(event.bytes);
  const auto rate = format_size(whole_bytes(event.bytes_per_second)) + "/s";
  std::string left;
  if (event.stalled)
    left = "stalled " + format_clock(*event.stalled);
  else if (event.remaining)
    left = format_clock(*event.remaining) + " left";
  std::string files;
  if (event.total_files > 1)
    files = std::to_string(event.files) + "/" + std::to_string(event.total_files) + " files";
  // In the order of the line; each is taken when the room lasts, the most important one first.
  std::array<Part, 6> parts{{{done, 2},
                             {"/ " + format_size(event.total_bytes), 3},
                             {event.stalled ? "" : rate, 1},
                             {left, 0},
                             {files, 4},
                             {escape_for_terminal(event.peer, kAliasBytes), 5}}};
  std::size_t room = look.columns - std::min(look.columns, head.size());
  choose(parts, room);
  auto line = head;
  if (look.bar && room >= kLeastBar + 3)
    line += " " + bar(event, std::min(kMostBar, room - 3), look.color);
  for (const auto& part : parts)
    if (part.taken) line += (part.text.starts_with('/') ? " " : "  ") + part.text;
  return look.columns < head.size() ? cut_columns(head, look.columns) : line;
}

std::string active_line(const transfer::ActiveFile& file, std::size_t columns) {
  const auto bytes = std::min(file.bytes, file.size);
  auto share = std::to_string(share_of(bytes, file.size)) + "%";
  share.insert(0, 6 - std::min<std::size_t>(6, share.size()), ' ');
  auto size = format_size(file.size);
  size.insert(0, 8 - std::min<std::size_t>(8, size.size()), ' ');
  const auto head = share + "  " + size + "  ";
  if (head.size() >= columns) return cut_columns(head, columns);
  const auto name = escape_for_terminal(file.name, kNameBytes);
  return head + shorten_columns(name, columns - head.size());
}

void ProgressDisplay::show(const app::ProgressEvent& event, TimePoint now) {
  if (mode_ == ProgressMode::bar) draw(event, now);
  if (mode_ == ProgressMode::plain) print(event, now);
}

bool ProgressDisplay::may_draw() const {
  const auto descriptor = channel_.descriptor();
  return !is_terminal(descriptor) || in_foreground(descriptor);
}

void ProgressDisplay::draw(const app::ProgressEvent& event, TimePoint now) {
  if (last_ && now - *last_ < kDrawEvery) return;
  if (!may_draw()) return;
  last_ = now;
  // A line that fills the last column wraps on some terminals.
  const std::size_t columns = terminal_width(channel_.descriptor()) - 1;
  std::vector<std::string> lines;
  constexpr std::size_t least = 24;
  if (columns >= least && terminal_height(channel_.descriptor()) > event.active.size() + 3)
    for (const auto& file : event.active) lines.push_back(active_line(file, columns));
  lines.push_back(progress_line(event, LineLook{columns, true, color_}));
  put(lines, columns);
}

void ProgressDisplay::status(const std::string& text) {
  if (mode_ != ProgressMode::bar || !may_draw()) return;
  const std::size_t columns = terminal_width(channel_.descriptor()) - 1;
  put({cut_columns(text, columns)}, columns);
}

/// Lines that became too long for a terminal that was made narrower take several rows.
std::string ProgressDisplay::to_top(std::size_t columns) const {
  std::size_t rows = 0;
  for (const auto width : drawn_)
    rows += std::max<std::size_t>(1, (width + columns) / (columns + 1));
  return rows > 1 ? "\r\x1b[" + std::to_string(rows - 1) + "A" : "\r";
}

void ProgressDisplay::put(const std::vector<std::string>& lines, std::size_t columns) {
  std::string text = to_top(columns);
  const bool several = text.size() > 1 || lines.size() > 1;
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    if (!widths.empty()) text += "\r\n";
    text += line + "\x1b[K";
    widths.push_back(visible_width(line));
  }
  if (several) text += "\x1b[J";
  // What stands there is what the terminal got.
  if (channel_.write(text, Worth::frame)) drawn_ = std::move(widths);
}

void ProgressDisplay::print(const app::ProgressEvent& event, TimePoint now) {
  if (!last_) last_ = now;
  if (now - *last_ < kPrintEvery) return;
  last_ = now;
  channel_.write(progress_line(event, LineLook{std::numeric_limits<std::size_t>::max()}) + "\n",
                 Worth::progress);
}

void ProgressDisplay::clear() {
  if (drawn_.empty()) return;
  const auto top = to_top(terminal_width(channel_.descriptor()) - 1);
  channel_.write(top + (top.size() > 1 ? "\x1b[J" : "\x1b[K"));
  drawn_.clear();
}

void ProgressDisplay::end() {
  clear();
  last_.reset();
}

}  // namespace lsend::cmd
