#include "cmd/commands.hpp"

namespace lsend::cmd {
namespace {

void warn(const app::ReceiveOptions& receive, const app::Settings& settings,
          app::ProgressSink& sink) {
  if (receive.auto_accept && !receive.pin)
    sink.on(app::WarningEvent{
        "--auto-accept without --pin: everyone on the network can store files here"});
  if (settings.http)
    sink.on(app::WarningEvent{"--http: what senders send by HTTP can be read on the way"});
}

}  // namespace

int run(const ReceiveCommand& command, const Options& options, Terminal& terminal) {
  const auto json = make_json(options, terminal, true);
  Reporter& reporter = json ? *json : static_cast<Reporter&>(terminal.console);
  Tally tally(reporter);
  warn(command.options, options.settings, tally);
  const auto report = app::receive(options.settings, command.options, tally);
  const auto failure = report ? Error() : report.error();
  const auto* error = report ? nullptr : &failure;
  reporter.finish(tally.totals(), error);
  return exit_with(error, terminal);
}

}  // namespace lsend::cmd
