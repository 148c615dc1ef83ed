#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <optional>
#include <system_error>
#include <thread>

#include "cmd/commands.hpp"
#include "cmd/exit_code.hpp"
#include "cmd/help.hpp"
#include "cmd/json_documents.hpp"
#include "cmd/json_lines.hpp"
#include "cmd/last_words.hpp"
#include "cmd/log.hpp"
#include "cmd/terminal.hpp"
#include "lsend/app/at_stop.hpp"
#include "lsend/app/stop_signal.hpp"

namespace {

using namespace lsend;
using namespace lsend::cmd;

ConsoleStyle style_of(const Options& options, const Environment& environment) {
  ConsoleStyle style;
  const auto& output = options.output;
  const bool err_terminal = is_terminal(STDERR_FILENO);
  style.quiet = output.quiet;
  style.progress = choose_progress(output, err_terminal, environment);
  if (!output.json) {
    style.color_out = use_color(output.color, is_terminal(STDOUT_FILENO), environment);
    style.color_err = use_color(output.color, err_terminal, environment);
  }
  if (const auto* discover = std::get_if<DiscoverCommand>(&options.command)) {
    style.long_format = discover->long_format;
    style.watch = discover->options.watch;
  }
  if (const auto* receive = std::get_if<ReceiveCommand>(&options.command))
    style.out_is_taken = receive->options.to_standard_output();
  return style;
}

/// Standard error is for people: nobody is kept waiting for who does not read what is said there.
constexpr int kPatienceSeconds = 5;

/// From now on output waits for its readers by itself. What goes to one terminal keeps its order.
void write_by_queues(Channel& out, Channel& err, bool json) {
  const auto told = json ? dropped_line : dropped_text;
  const auto queue = std::make_shared<WriteQueue>(out.descriptor(), told);
  const bool one = same_reader(out.descriptor(), err.descriptor());
  out.write_by(queue);
  err.write_by(one ? queue : std::make_shared<WriteQueue>(err.descriptor(), dropped_text));
}

/// Results that nobody could read are a failure; a reader that left is not.
int check_output(const Channel& out, Console& console, int code) {
  // A terminal that was closed is a reader that left, and says EIO.
  const bool left = out.error() == EPIPE || (out.error() == EIO && app::stop_signal());
  if (out.error() == 0 || left || code != kSuccess) return code;
  const auto error = fail_errno(Errc::io, "cannot write to standard output", out.error());
  console.error(error);
  return exit_code(error.code()).code;
}

int refuse(const BadUsage& bad, Channel& out, Console& console) {
  console.error(bad.error);
  if (bad.json && bad.query) out.write(failure_document("error", bad.error));
  if (bad.json && !bad.query)
    JsonLines(out, JsonLines::Result::transfer, false).finish(Totals(), &bad.error);
  return exit_code(bad.error.code()).code;
}

/// The same words, with what the configuration says now. Where a terminal was and is none any more,
/// somebody has closed it and nobody is left.
Result<app::ReceiveOptions> read_again(const std::vector<std::string>& arguments,
                                       const Environment& environment, bool had_terminal) {
  if (had_terminal && !is_terminal(STDERR_FILENO))
    return fail(Errc::terminated, "the terminal was closed");
  auto line = read_command_line(arguments, environment, usual_config_paths());
  if (const auto* bad = std::get_if<BadUsage>(&line)) return bad->error;
  return std::move(std::get<ReceiveCommand>(std::get<Options>(line).command).options);
}

int run_command(const Options& options, const Environment& environment, Channel& out,
                Channel& err) {
  Console console(out, err, style_of(options, environment));
  Terminal terminal{out, console};
  write_by_queues(out, err, options.output.json);
  start_log(console, options.output.log, log_form(STDERR_FILENO, environment));
  int code = exit_code(Errc::failed).code;
  try {
    code = std::visit([&](const auto& command) { return run(command, options, terminal); },
                      options.command);
  } catch (const std::exception& failure) {
    console.error(fail(Errc::failed, failure.what()));
  }
  stop_log();
  out.queue()->drain();
  code = check_output(out, console, code);
  err.queue()->drain(is_terminal(err.descriptor()) ? 0 : kPatienceSeconds);
  return code;
}

/// Who asked for a quit sees one.
int die_of_quit(const std::optional<app::StopSignal>& stop, int code) {
  if (!stop || stop->reason != Errc::quit) return code;
  (void)std::signal(SIGQUIT, SIG_DFL);
  (void)std::raise(SIGQUIT);
  return exit_code(Errc::quit).code;
}

/// Whatever hangs then, such as a disk that does not answer: the process ends in its time.
void end_in_time(const app::StopSignal& stop) {
  static constexpr Duration kMain{50};
  const auto wait = [stop] {
    std::this_thread::sleep_until(stop.until + kMain);
    ::_exit(die_of_quit(stop, exit_code(stop.reason).code));
  };
  try {
    std::thread(wait).detach();
  } catch (const std::system_error&) {
    return;  // a host without threads has none that hangs
  }
}

int run_program(const std::vector<std::string>& arguments) {
  Channel out(STDOUT_FILENO);
  Channel err(STDERR_FILENO);
  const auto environment = process_environment();
  auto line = read_command_line(arguments, environment, usual_config_paths());
  if (auto* options = std::get_if<Options>(&line)) {
    // Under nohup nobody minds that the terminal is closed.
    const bool minds = is_terminal(STDERR_FILENO) && !app::ignored_at_start(SIGHUP);
    if (auto* receive = std::get_if<ReceiveCommand>(&options->command))
      receive->options.reload = [&] { return read_again(arguments, environment, minds); };
    app::at_stop(end_in_time);
    const int code = run_command(*options, environment, out, err);
    return die_of_quit(app::stop_signal(), code);
  }
  ConsoleStyle style;
  style.color_err = use_color(ColorMode::automatic, is_terminal(STDERR_FILENO), environment);
  Console console(out, err, style);
  if (const auto* text = std::get_if<TextForUser>(&line)) {
    out.write(text->text);
    return check_output(out, console, kSuccess);
  }
  if (const auto* bad = std::get_if<BadUsage>(&line)) return refuse(*bad, out, console);
  err.write(short_help());
  return exit_code(Errc::usage).code;
}

}  // namespace

int main(int argc, char** argv) {
  install_last_words();
  // A reader that leaves is an error of write(), never the end of a transfer.
  (void)std::signal(SIGPIPE, SIG_IGN);
  // A file size limit is a full disk to us (EFBIG), not the end.
  (void)std::signal(SIGXFSZ, SIG_IGN);
  // A question that comes too early, or to a command that has no answer.
  (void)std::signal(SIGUSR1, SIG_IGN);
  try {
    return run_program(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (const std::exception& failure) {
    Channel err(STDERR_FILENO);
    err.write(std::string("lsend: error: ") + failure.what() + "\n");
  }
  return exit_code(Errc::failed).code;
}
