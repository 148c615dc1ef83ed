#include "cmd/progress_line.hpp"

#include <unistd.h>

#include <array>

#include "catch.hpp"
#include "cmd/columns.hpp"
#include "cmd/terminal.hpp"
#include "pipe.hpp"

using namespace lsend;
using namespace lsend::cmd;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

app::ProgressEvent half() {
  app::ProgressEvent event;
  event.peer = "Pixel";
  event.bytes = 500'000'000;
  event.total_bytes = 1'000'000'000;
  event.files = 2;
  event.total_files = 7;
  event.bytes_per_second = 35'200'000;
  event.remaining = seconds(43);
  return event;
}

constexpr std::size_t kWide = 200;

std::string line_of(const app::ProgressEvent& event, std::size_t columns) {
  return progress_line(event, LineLook{columns});
}

/// As it is drawn on a terminal of 80 columns.
std::string drawn(const app::ProgressEvent& event) {
  return progress_line(event, LineLook{79, true});
}

}  // namespace

TEST_CASE("the line says how far, how fast and how long") {
  CHECK(line_of(half(), kWide) == " 50%  500 MB / 1.00 GB  35.2 MB/s  0:43 left  2/7 files  Pixel");
  auto event = half();
  event.remaining.reset();
  event.total_files = 1;
  event.bytes_per_second = 0;
  CHECK(line_of(event, kWide) == " 50%  500 MB / 1.00 GB  0 B/s  Pixel");
}

TEST_CASE("100 % is for what is whole") {
  auto event = half();
  event.bytes = event.total_bytes - 1;
  CHECK(line_of(event, 4) == " 99%");
  event.bytes = event.total_bytes;
  CHECK(line_of(event, 4) == "100%");
  event.total_bytes = event.bytes = 0;
  CHECK(line_of(event, 4) == "100%");
}

TEST_CASE("the line never wraps and never shows what a peer put into its name") {
  auto event = half();
  event.peer = "\x1b[2J\u202Eevil";
  CHECK(line_of(event, kWide).ends_with("  \\x1B[2J\\u{202E}evil"));
  event.peer = "日本語の電話";
  for (std::size_t columns = 0; columns < 80; ++columns)
    CHECK(display_width(line_of(event, columns)) <= columns);
}

TEST_CASE("what does not fit is left out, the least important first") {
  CHECK(line_of(half(), 64) == " 50%  500 MB / 1.00 GB  35.2 MB/s  0:43 left  2/7 files  Pixel");
  CHECK(line_of(half(), 60) == " 50%  500 MB / 1.00 GB  35.2 MB/s  0:43 left  2/7 files");
  CHECK(line_of(half(), 50) == " 50%  500 MB / 1.00 GB  35.2 MB/s  0:43 left");
  CHECK(line_of(half(), 40) == " 50%  500 MB  35.2 MB/s  0:43 left");
  CHECK(line_of(half(), 30) == " 50%  35.2 MB/s  0:43 left");
  CHECK(line_of(half(), 20) == " 50%  0:43 left");
  CHECK(line_of(half(), 3) == " 50");
}

TEST_CASE("a bar takes what is left of the line") {
  CHECK(progress_line(half(), LineLook{80, true}) ==
        " 50% [#######--------]  500 MB / 1.00 GB  35.2 MB/s  0:43 left  2/7 files  Pixel");
  CHECK(display_width(progress_line(half(), LineLook{200, true})) == 62 + 43);
  const auto colored = progress_line(half(), LineLook{80, true, true});
  CHECK(colored.find("[\x1b[32m#######\x1b[0m--------]") != std::string::npos);
  auto stalled = half();
  stalled.stalled = seconds(12);
  CHECK(line_of(stalled, kWide) == " 50%  500 MB / 1.00 GB  stalled 0:12  2/7 files  Pixel");
  CHECK(progress_line(stalled, LineLook{80, true, true}).find("\x1b[33m") != std::string::npos);
}

TEST_CASE("a file on its way, its name cut in the middle by what is seen of it") {
  const transfer::ActiveFile file{"holiday/2026/beach.jpg", 5'000'000, 10'000'000};
  CHECK(active_line(file, 60) == "   50%   10.0 MB  holiday/2026/beach.jpg");
  CHECK(active_line(file, 30) == "   50%   10.0 MB  holida…h.jpg");
  CHECK(active_line({"日本語の写真です.jpg", 0, 0}, 30) == "  100%       0 B  日本語….jpg");
  CHECK(active_line({"a\x1b[2Jb", 1, 3}, 60) == "   33%       3 B  a\\x1B[2Jb");
  for (std::size_t columns = 0; columns < 60; ++columns)
    CHECK(display_width(active_line({"日本語の写真です e\u0301.jpg", 1, 3}, columns)) <= columns);
}

TEST_CASE("times for people") {
  CHECK(format_clock(milliseconds(1)) == "0:01");
  CHECK(format_clock(seconds(65)) == "1:05");
  CHECK(format_clock(seconds(7384)) == "2:03:04");
  CHECK(format_elapsed(milliseconds(3240)) == "3.2 s");
  CHECK(format_elapsed(milliseconds(0)) == "0.0 s");
  CHECK(format_elapsed(seconds(65)) == "1:05");
}

TEST_CASE("a line is drawn ten times a second at most and taken away") {
  test::Pipe pipe;
  Channel channel(pipe.in());
  ProgressDisplay display(ProgressMode::bar, channel);
  const TimePoint start{};
  display.clear();
  CHECK(pipe.read().empty());
  display.show(half(), start);
  CHECK(pipe.read() == "\r" + drawn(half()) + "\x1b[K");
  display.show(half(), start + milliseconds(99));
  CHECK(pipe.read().empty());
  display.show(half(), start + milliseconds(100));
  CHECK(!pipe.read().empty());
  display.clear();
  CHECK(pipe.read() == "\r\x1b[K");
  display.clear();
  CHECK(pipe.read().empty());
}

TEST_CASE("files are drawn above the whole, and taken away with it") {
  test::Pipe pipe;
  Channel channel(pipe.in());
  ProgressDisplay display(ProgressMode::bar, channel);
  const TimePoint start{};
  auto event = half();
  event.active = {{"a", 1, 2}, {"b", 0, 4}};
  display.show(event, start);
  const auto block = active_line(event.active[0], 79) + "\x1b[K\r\n" +
                     active_line(event.active[1], 79) + "\x1b[K\r\n" + drawn(event) +
                     "\x1b[K\x1b[J";
  CHECK(pipe.read() == "\r" + block);
  display.show(event, start + seconds(1));
  CHECK(pipe.read() == "\r\x1b[2A" + block);
  event.active.clear();
  display.show(event, start + seconds(2));
  CHECK(pipe.read() == "\r\x1b[2A" + drawn(event) + "\x1b[K\x1b[J");
  display.clear();
  CHECK(pipe.read() == "\r\x1b[K");
}

TEST_CASE("a status stands until something else is drawn, on a terminal only") {
  test::Pipe pipe;
  Channel channel(pipe.in());
  ProgressDisplay display(ProgressMode::bar, channel);
  display.status("looking for 'Pixel'");
  CHECK(pipe.read() == "\rlooking for 'Pixel'\x1b[K");
  display.clear();
  CHECK(pipe.read() == "\r\x1b[K");
  ProgressDisplay plain(ProgressMode::plain, channel);
  plain.status("looking");
  CHECK(pipe.read().empty());
}

TEST_CASE("plain lines come each 30 seconds at most") {
  test::Pipe pipe;
  Channel channel(pipe.in());
  ProgressDisplay display(ProgressMode::plain, channel);
  const TimePoint start{};
  display.show(half(), start);
  display.show(half(), start + milliseconds(29'999));
  CHECK(pipe.read().empty());
  display.show(half(), start + seconds(30));
  CHECK(pipe.read() == line_of(half(), kWide) + "\n");
  display.show(half(), start + seconds(59));
  display.end();
  display.show(half(), start + seconds(61));
  CHECK(pipe.read().empty());
}

TEST_CASE("no progress where none is wanted") {
  test::Pipe pipe;
  Channel channel(pipe.in());
  ProgressDisplay display(ProgressMode::none, channel);
  display.show(half(), TimePoint{});
  display.show(half(), TimePoint{} + seconds(100));
  CHECK(pipe.read().empty());
}

TEST_CASE("a channel whose reader left goes silent") {
  test::Pipe pipe;
  pipe.close_reader();
  Channel channel(pipe.in());
  channel.write("one");
  CHECK(channel.error() == EPIPE);
  channel.write("two");
}

TEST_CASE("colour: option, NO_COLOR, CLICOLOR_FORCE, TERM, terminal") {
  struct Row {
    ColorMode mode;
    bool terminal;
    const char *no_color, *force, *term;
    bool wanted;
  };
  constexpr auto automatic = ColorMode::automatic;
  const auto row = GENERATE(
      Row{automatic, true, "", "", "xterm", true}, Row{automatic, false, "", "", "xterm", false},
      Row{automatic, true, "1", "", "xterm", false}, Row{automatic, true, "1", "1", "xterm", false},
      Row{automatic, false, "", "1", "xterm", true}, Row{automatic, false, "", "0", "xterm", false},
      Row{automatic, true, "", "", "dumb", false}, Row{automatic, true, "", "", "", false},
      Row{ColorMode::always, false, "1", "", "dumb", true},
      Row{ColorMode::never, true, "", "1", "xterm", false});
  const Environment environment = [&row](const char* name) -> std::optional<std::string> {
    const std::string_view wanted(name);
    const char* value = wanted == "NO_COLOR" ? row.no_color
                        : wanted == "TERM"   ? row.term
                                             : row.force;
    if (*value == '\0') return std::nullopt;
    return value;
  };
  CHECK(use_color(row.mode, row.terminal, environment) == row.wanted);
}

TEST_CASE("columns") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("äöü") == 3);
  CHECK(display_width("日本") == 4);
  CHECK(display_width("😀") == 2);
  CHECK(display_width("e\u0301") == 1);
  CHECK(shorten_columns("abcdefgh", 8) == "abcdefgh");
  CHECK(shorten_columns("abcdefgh", 5) == "ab…gh");
  CHECK(shorten_columns("abcdefgh", 1) == "…");
  CHECK(shorten_columns("abcdefgh", 0).empty());
  CHECK(pad_right("日本", 6) == "日本  ");
  CHECK(pad_right("longer", 3) == "longer");
  CHECK(cut_columns("日本", 3) == "日");
  CHECK(cut_columns("äb", 1) == "ä");
}
