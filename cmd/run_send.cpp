#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "cmd/commands.hpp"
#include "cmd/exit_code.hpp"
#include "cmd/many_targets.hpp"
#include "cmd/progress_line.hpp"
#include "cmd/terminal_prompt.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

/// Receivers show a message as a whole: more than this is a file.
constexpr std::size_t kMostMessage = 1024 * 1024;
constexpr std::uint64_t kWorthARate = 1000 * 1000;

/// One warning when what is sent can be read on the way.
class HttpWarner final : public app::PassingSink {
 public:
  using PassingSink::PassingSink;
  void on(const app::Event& event) override {
    next_.on(event);
    const auto* target = std::get_if<app::TargetEvent>(&event);
    if (target && target->endpoint.scheme == Scheme::http)
      next_.on(app::WarningEvent{
          "plain HTTP: the transfer is not encrypted and nothing proves who the receiver is"});
  }
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
  // The rate of a few bytes is the time that a person took to accept them.
  if (elapsed.count() <= 0 || bytes < kWorthARate) return text;
  const auto rate = static_cast<double>(bytes) * 1000.0 / static_cast<double>(elapsed.count());
  return text + " (" + format_size(static_cast<std::uint64_t>(rate)) + "/s)";
}

std::string looking_for(const SendCommand& command) {
  std::string names;
  for (const auto& target : command.options.targets)
    names += (names.empty() ? "'" : ", '") + escape_for_terminal(target, 64) + "'";
  return "looking for " + names + " ...";
}

std::string summary(const app::TargetReport& report, bool message) {
  if (message && report.success) return report.done > 0 ? "message sent" : "message read";
  if (report.success && report.done == 0)
    return "nothing to send: the receiver has " + count_of(report.present, "file") + " already";
  auto line = "sent " + count_of(report.done, "file");
  if (report.present > 0) line += ", " + std::to_string(report.present) + " there already";
  const auto declined = report.skipped - report.present;
  if (declined > 0) line += ", " + std::to_string(declined) + " declined";
  if (report.failed > 0) line += ", " + std::to_string(report.failed) + " failed";
  line += ", " + size_in_time(report.bytes_done - report.bytes_resumed, report.elapsed);
  if (report.bytes_resumed == 0) return line;
  return line + ", to " + format_size(report.bytes_resumed) + " that were there already";
}

/// A line for each target; where there is one only, its failure stands for itself.
void print_summary(const app::SendReport& report, Console& console) {
  const bool several = report.targets.size() > 1;
  for (const auto& target : report.targets) {
    const auto name = several ? escape_for_terminal(target.target, 64) + ": " : std::string();
    if (target.success || target.done > 0) console.note(name + summary(target, report.message));
    if (several && !target.success) console.note(name + escape_lines(target.failure.message()));
  }
}

/// One exit code for all targets: theirs where all failed alike.
std::optional<Error> verdict(const std::vector<app::TargetReport>& targets) {
  std::vector<const app::TargetReport*> failed;
  for (const auto& target : targets)
    if (!target.success) failed.push_back(&target);
  if (failed.empty()) return std::nullopt;
  const auto& first = failed.front()->failure;
  if (targets.size() == 1) return first;
  bool alike = failed.size() == targets.size();
  for (const auto* target : failed) {
    const auto code = target->failure.code();
    // Whoever stops it need not look for what was done by then.
    if (is_stop(code)) return target->failure;
    alike = alike && exit_code(code).code == exit_code(first.code()).code;
  }
  return fail(alike ? first.code() : Errc::partial,
              std::to_string(failed.size()) + " of " + std::to_string(targets.size()) +
                  " targets did not get everything (first: " +
                  escape_for_terminal(failed.front()->target, 64) + ": " + first.message() + ")");
}

/// What the targets add up to.
void add_up(const app::SendReport& report, Totals& totals) {
  totals.files_done = totals.files_failed = totals.files_skipped = 0;
  totals.bytes = 0;
  for (const auto& target : report.targets) {
    totals.files_done += target.done;
    totals.files_failed += target.failed;
    totals.files_skipped += target.skipped;
    totals.bytes += target.bytes_done;
  }
  totals.targets = report.targets;
  if (report.targets.size() > 1) totals.target.reset();
}

Result<app::SendReport> send(const SendCommand& command, const Options& options, Terminal& terminal,
                             app::ProgressSink& sink) {
  auto send = command.options;
  if (command.message_from_stdin) {
    auto message = read_message();
    if (!message) return message.error();
    send.message = std::move(*message);
  }
  if (command.pin_is_public) sink.on(public_pin("LSEND_PIN"));
  const auto prompt = options.output.json ? nullptr : TerminalPrompt::open(terminal.console);
  send.prompt = prompt.get();
  return app::send(options.settings, send, sink);
}

}  // namespace

int run(const SendCommand& command, const Options& options, Terminal& terminal) {
  const auto json = make_json(options, terminal, true);
  Reporter& reporter = json ? *json : static_cast<Reporter&>(terminal.console);
  Tally tally(reporter, [&](const std::string& line) { terminal.console.answer(line); });
  ManyTargets named(tally);
  const auto& names = command.options.targets;
  const bool several = names.size() > 1 || (!names.empty() && names.front().starts_with('@'));
  HttpWarner sink(several && !json ? static_cast<app::ProgressSink&>(named) : tally);
  if (!json) terminal.console.status(looking_for(command));
  const auto report = send(command, options, terminal, sink);
  auto totals = tally.totals();
  auto failure = report ? verdict(report->targets) : std::optional<Error>(report.error());
  if (report) add_up(*report, totals);
  const auto* error = failure ? &*failure : nullptr;
  reporter.finish(totals, error);
  if (report && !json && !command.options.dry_run) print_summary(*report, terminal.console);
  return exit_with(error, terminal);
}

}  // namespace lsend::cmd
