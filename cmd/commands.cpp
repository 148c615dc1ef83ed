#include "cmd/commands.hpp"

#include "cmd/exit_code.hpp"
#include "cmd/json_lines.hpp"

namespace lsend::cmd {

std::unique_ptr<Reporter> make_json(const Options& options, Terminal& terminal, bool transfer) {
  if (!options.output.json) return nullptr;
  const auto result = transfer ? JsonLines::Result::transfer : JsonLines::Result::devices;
  const bool progress = options.output.quiet == 0 && options.output.progress != ProgressMode::none;
  return std::make_unique<JsonLines>(terminal.out, result, progress);
}

app::WarningEvent public_pin(std::string_view variable) {
  return {"--pin: everyone on this host can read a command line; --pin-file or " +
          std::string(variable) + " keep the PIN to you"};
}

int exit_with(const Error* error, Terminal& terminal) {
  if (error == nullptr) return kSuccess;
  terminal.console.error(*error);
  // Its sentence says what failed, and nothing that could be done.
  if (error->code() == Errc::unreachable)
    terminal.console.note("  " + std::string(hint_of(Errc::unreachable)));
  return exit_code(error->code()).code;
}

}  // namespace lsend::cmd
