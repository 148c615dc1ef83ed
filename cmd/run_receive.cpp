#include <unistd.h>

#include "cmd/commands.hpp"
#include "cmd/json_documents.hpp"
#include "cmd/terminal_prompt.hpp"

namespace lsend::cmd {
namespace {

void warn(const ReceiveCommand& command, const app::Settings& settings, unsigned quiet,
          app::ProgressSink& sink) {
  const auto& receive = command.options;
  if (command.pin_is_public) sink.on(public_pin("LSEND_RECEIVE_PIN"));
  if (receive.auto_accept && !receive.pin && !receive.random_pin && receive.accept_from.empty() &&
      receive.accept_exec.empty())
    sink.on(
        app::WarningEvent{"--auto-accept without --pin or --accept-from: everyone on the network "
                          "can store files here"});
  if (quiet == 0 && geteuid() == 0)
    sink.on(
        app::WarningEvent{"running as root, which receiving does not need: a user of its own "
                          "keeps what senders send away from the system"});
  if (settings.http)
    sink.on(app::WarningEvent{"--http: what senders send by HTTP can be read on the way"});
}

/// Somebody is asked where no rule decides about everyone.
std::unique_ptr<TerminalPrompt> make_prompt(const app::ReceiveOptions& receive,
                                            const Options& options, Terminal& terminal) {
  if (options.output.json || receive.auto_accept || !receive.accept_exec.empty()) return nullptr;
  return TerminalPrompt::open(terminal.console);
}

Result<app::ReceiveReport> serve(const ReceiveCommand& command, const Options& options,
                                 Terminal& terminal, app::ProgressSink& sink) {
  const auto& receive = command.options;
  const auto prompt = make_prompt(receive, options, terminal);
  app::Deciders deciders;
  deciders.prompt = prompt.get();
  deciders.document = request_document;
  if (!app::can_accept(receive, deciders))
    return fail(Errc::usage,
                "nobody is here to accept a transfer: add --auto-accept, --accept-from, "
                "--accept-exec or --pin");
  warn(command, options.settings, options.output.quiet, sink);
  return app::receive(options.settings, receive, deciders, sink);
}

}  // namespace

int run(const ReceiveCommand& command, const Options& options, Terminal& terminal) {
  const auto json = make_json(options, terminal, true);
  Reporter& reporter = json ? *json : static_cast<Reporter&>(terminal.console);
  Tally tally(reporter, [&](const std::string& line) { terminal.console.answer(line); });
  const auto report = serve(command, options, terminal, tally);
  const auto failure = report ? Error() : report.error();
  const auto* error = report ? nullptr : &failure;
  reporter.finish(tally.totals(), error);
  return exit_with(error, terminal);
}

}  // namespace lsend::cmd
