#include <unistd.h>

#include <array>
#include <cerrno>

#include "cmd/commands.hpp"
#include "cmd/progress_line.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

/// Receivers show a message as a whole: more than this is a file.
constexpr std::size_t kMostMessage = 1024 * 1024;

/// One warning when what is sent can be read on the way.
class HttpWarner final : public app::ProgressSink {
 public:
  explicit HttpWarner(app::ProgressSink& next) : next_(next) {}
  void on(const app::Event& event) override {
    next_.on(event);
    const auto* target = std::get_if<app::TargetEvent>(&event);
    if (target && target->endpoint.scheme == Scheme::http)
      next_.on(app::WarningEvent{
          "plain HTTP: the transfer is not encrypted and nothing proves who the receiver is"});
  }

 private:
  app::ProgressSink& next_;
};

Result<std::string> read_message() {
  std::string text;
  std::array<char, 16 * 1024> buffer{};
  while (text.size() <= kMostMessage) {
    const auto bytes = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return fail_errno(Errc::io, "cannot read the message", errno);
    if (bytes == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(bytes));
  }
  if (text.size() > kMostMessage)
    return fail(Errc::limit, "the message is longer than 1 MiB: send it as a file");
  // echo and here-documents end with a line end that nobody means to send.
  if (text.ends_with('\n')) text.pop_back();
  if (text.empty()) return fail(Errc::usage, "there is no message on standard input");
  if (!is_utf8(text)) return fail(Errc::usage, "the message is not UTF-8 text: send it as a file");
  return text;
}

std::string size_in_time(std::uint64_t bytes, Duration elapsed) {
  auto text = format_size(bytes) + " in " + format_elapsed(elapsed);
  if (elapsed.count() <= 0 || bytes == 0) return text;
  const auto rate = static_cast<double>(bytes) * 1000.0 / static_cast<double>(elapsed.count());
  return text + " (" + format_size(static_cast<std::uint64_t>(rate)) + "/s)";
}

std::string summary(const app::SendReport& report) {
  if (report.message && report.success) return report.done > 0 ? "message sent" : "message read";
  if (report.success && report.done == 0)
    return "nothing sent: the receiver wants none of " + count_of(report.skipped, "file");
  auto line = "sent " + count_of(report.done, "file");
  if (report.skipped > 0) line += ", " + std::to_string(report.skipped) + " declined";
  if (report.failed > 0) line += ", " + std::to_string(report.failed) + " failed";
  return line + ", " + size_in_time(report.bytes_done, report.elapsed);
}

Result<app::SendReport> send(const SendCommand& command, const Options& options,
                             app::ProgressSink& sink) {
  if (!command.message_from_stdin) return app::send(options.settings, command.options, sink);
  auto message = read_message();
  if (!message) return message.error();
  auto send = command.options;
  send.message = std::move(*message);
  return app::send(options.settings, send, sink);
}

}  // namespace

int run(const SendCommand& command, const Options& options, Terminal& terminal) {
  const auto json = make_json(options, terminal, true);
  Reporter& reporter = json ? *json : static_cast<Reporter&>(terminal.console);
  Tally tally(reporter);
  HttpWarner sink(tally);
  const auto report = send(command, options, sink);
  auto totals = tally.totals();
  Error failure;
  if (report) {
    totals.files_done = report->done;
    totals.files_failed = report->failed;
    totals.files_skipped = report->skipped;
    totals.bytes = report->bytes_done;
    failure = report->failure;
  } else {
    failure = report.error();
  }
  const auto* error = report && report->success ? nullptr : &failure;
  reporter.finish(totals, error);
  if (report && !json && (report->success || report->done > 0))
    terminal.console.note(summary(*report));
  return exit_with(error, terminal);
}

}  // namespace lsend::cmd
