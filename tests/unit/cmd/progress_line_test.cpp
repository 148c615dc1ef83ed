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

}  // namespace

TEST_CASE("the line says how far, how fast and how long") {
  CHECK(progress_line(half(), kWide) ==
        " 50%  500 MB / 1.00 GB  35.2 MB/s  0:43 left  2/7 files  Pixel");
  auto event = half();
  event.remaining.reset();
  event.total_files = 1;
  event.bytes_per_second = 0;
  CHECK(progress_line(event, kWide) == " 50%  500 MB / 1.00 GB  0 B/s  Pixel");
}

TEST_CASE("100 % is for what is whole") {
  auto event = half();
  event.bytes = event.total_bytes - 1;
  CHECK(progress_line(event, 4) == " 99%");
  event.bytes = event.total_bytes;
  CHECK(progress_line(event, 4) == "100%");
  event.total_bytes = event.bytes = 0;
  CHECK(progress_line(event, 4) == "100%");
}

TEST_CASE("the line never wraps and never shows what a peer put into its name") {
  auto event = half();
  event.peer = "\x1b[2J\u202Eevil";
  CHECK(progress_line(event, kWide).ends_with("  \\x1B[2J\\u{202E}evil"));
  event.peer = "日本語の電話";
  for (std::size_t columns = 0; columns < 80; ++columns)
    CHECK(display_width(progress_line(event, columns)) <= columns);
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
  CHECK(pipe.read() == "\r" + progress_line(half(), 79) + "\x1b[K");
  display.show(half(), start + milliseconds(99));
  CHECK(pipe.read().empty());
  display.show(half(), start + milliseconds(100));
  CHECK(!pipe.read().empty());
  display.clear();
  CHECK(pipe.read() == "\r\x1b[K");
  display.clear();
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
  CHECK(pipe.read() == progress_line(half(), kWide) + "\n");
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
  CHECK(pad_right("日本", 6) == "日本  ");
  CHECK(pad_right("longer", 3) == "longer");
  CHECK(cut_columns("日本", 3) == "日");
  CHECK(cut_columns("äb", 1) == "ä");
}
