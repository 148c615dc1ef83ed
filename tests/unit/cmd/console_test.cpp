#include "cmd/console.hpp"

#include "catch.hpp"
#include "cmd/device_text.hpp"
#include "pipe.hpp"

using namespace lsend;
using namespace lsend::cmd;

namespace {

const std::string kPrint(64, 'A');

DeviceInfo evil() {
  DeviceInfo info;
  info.alias = "Ev\x1b[31mil\n";
  info.device_model = "\u202Emodel";
  info.device_type = DeviceType::mobile;
  info.fingerprint = Fingerprint(kPrint);
  return info;
}

struct Screen {
  explicit Screen(ConsoleStyle style = {}) : console(out_channel, err_channel, style) {}
  test::Pipe out, err;
  Channel out_channel{out.in()}, err_channel{err.in()};
  Console console;
};

app::DeviceEvent device(app::DeviceEvent::Kind kind) {
  app::DeviceEvent event;
  event.kind = kind;
  event.device.info = evil();
  event.device.endpoints = {Endpoint{Scheme::https, "192.168.1.2", 53317},
                            Endpoint{Scheme::http, "fe80::1%eth0", 1}};
  return event;
}

}  // namespace

TEST_CASE("a device is one line on standard output, escaped") {
  Screen screen;
  screen.console.on(device(app::DeviceEvent::Kind::found));
  CHECK(screen.out.read() ==
        "Ev\\x1B[31mil\\x0A      mobile    192.168.1.2:53317      \\u{202E}model  AAAAAAAA\n");
  screen.console.on(device(app::DeviceEvent::Kind::updated));
  CHECK(screen.out.read().empty());
  CHECK(screen.err.read().empty());
}

TEST_CASE("the long form has every address and the whole fingerprint") {
  ConsoleStyle style;
  style.long_format = true;
  style.watch = true;
  Screen screen(style);
  screen.console.on(device(app::DeviceEvent::Kind::lost));
  const auto line = screen.out.read();
  CHECK(line.starts_with("lost     Ev"));
  CHECK(line.find("192.168.1.2:53317,http://[fe80::1%eth0]:1 ") != std::string::npos);
  CHECK(line.ends_with("  " + kPrint + "\n"));
}

TEST_CASE("messages and stored files are results, all else goes to standard error") {
  Screen screen;
  screen.console.on(app::MessageEvent{evil(), "10.0.0.1", "one\r\ntwo\x1b[2J\xff"});
  CHECK(screen.out.read() == "one\ntwo\\x1B[2J\\xFF\n");
  CHECK(screen.err.read() == "message from Ev\\x1B[31mil\\x0A (10.0.0.1):\n");
  app::FileEvent file;
  file.name = "x";
  file.path = "dir/a\nb";
  screen.console.on(file);
  CHECK(screen.out.read() == "dir/a\\x0Ab\n");
  file.status = app::FileStatus::failed;
  file.error = fail(Errc::io, "no such file");
  screen.console.on(file);
  CHECK(screen.out.read().empty());
  CHECK(screen.err.read() == "lsend: failed: x: no such file\n");
}

TEST_CASE("quiet once hides notes, twice warnings, never errors") {
  struct Row {
    unsigned quiet;
    std::string shown;
  };
  const auto row =
      GENERATE(Row{0, "note\nlsend: warning: w\nlsend: error: e\n"},
               Row{1, "lsend: warning: w\nlsend: error: e\n"}, Row{2, "lsend: error: e\n"});
  ConsoleStyle style;
  style.quiet = row.quiet;
  Screen screen(style);
  screen.console.note("note");
  screen.console.on(app::WarningEvent{"w"});
  screen.console.error(fail(Errc::failed, "e"));
  CHECK(screen.err.read() == row.shown);
}

TEST_CASE("what is printed never shares a line with the progress") {
  ConsoleStyle style;
  style.progress = ProgressMode::bar;
  style.color_err = true;
  Screen screen(style);
  app::ProgressEvent progress;
  progress.total_bytes = 1;
  screen.console.on(progress);
  (void)screen.err.read();
  screen.console.error(fail(Errc::failed, "e"));
  CHECK(screen.err.read() == "\r\x1b[Klsend: \x1b[31merror:\x1b[0m e\n");
}

TEST_CASE("the banner of receive") {
  app::ReadyEvent event;
  event.self.alias = "host";
  event.self.port = 53317;
  event.self.fingerprint = Fingerprint(kPrint);
  event.addresses = {"192.168.1.2", "fe80::1%eth0"};
  event.folder = "/in";
  event.pin = true;
  event.policy = "asks";
  Screen screen;
  screen.console.on(event);
  CHECK(screen.err.read() == "lsend " LSEND_VERSION
                             " receives as host\n"
                             "  address      192.168.1.2:53317\n"
                             "  address      [fe80::1%eth0]:53317\n"
                             "  folder       /in\n"
                             "  PIN          on\n"
                             "  policy       asks\n"
                             "  fingerprint  " +
                                 kPrint + "\n");
}

TEST_CASE("what a sender was told") {
  Screen screen;
  app::DecisionEvent decision;
  decision.request.device.alias = "Bob";
  decision.request.address = "10.0.0.5";
  decision.request.files = 3;
  decision.request.bytes = 2'000;
  decision.accepted = true;
  decision.files = 3;
  screen.console.on(decision.request);
  CHECK(screen.err.read().empty());
  screen.console.on(decision);
  CHECK(screen.err.read() == "Bob (10.0.0.5): 3 files, 2.00 KB: accepted\n");
  decision.files = 1;
  screen.console.on(decision);
  CHECK(screen.err.read() == "Bob (10.0.0.5): 3 files, 2.00 KB: accepted 1\n");
  decision.accepted = false;
  decision.error = fail(Errc::declined, "the user said no");
  screen.console.on(decision);
  CHECK(screen.err.read() == "Bob (10.0.0.5): 3 files, 2.00 KB: refused: the user said no\n");
}

TEST_CASE("a held line stays below what else is said") {
  ConsoleStyle style;
  style.quiet = 1;
  style.progress = ProgressMode::bar;
  Screen screen(style);
  screen.console.hold("[60] sure? ");
  screen.console.note("not heard");
  screen.console.warning("heard");
  CHECK(screen.err.read() == "[60] sure? \nlsend: warning: heard\n[60] sure? ");
  app::ProgressEvent progress;
  progress.total_bytes = 1;
  screen.console.on(progress);
  CHECK(screen.err.read().empty());
  screen.console.change_held("[59]");
  screen.console.ask("a question");
  CHECK(screen.err.read() ==
        "\x1b"
        "7\r[59]\x1b"
        "8\na question\n[59] sure? ");
  screen.console.release();
  screen.console.release();
  CHECK(screen.err.read() == "\n");
}
