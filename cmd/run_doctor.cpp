#include <algorithm>

#include "cmd/columns.hpp"
#include "cmd/commands.hpp"
#include "cmd/exit_code.hpp"
#include "cmd/json_documents.hpp"
#include "lsend/app/stop_signal.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

using app::Check;
using app::Health;

constexpr std::size_t kLineBytes = 4096;

Check check_configuration(const DoctorCommand& command) {
  constexpr const char* name = "configuration";
  if (command.wrong)
    return {name, Health::fail, command.wrong->message(),
            "mend that line, or call lsend with --config of another file"};
  std::string files;
  for (const auto& file : command.files) files += (files.empty() ? "" : ", ") + file;
  return {name, Health::ok, files.empty() ? "there is no file: all is as built in" : files};
}

std::string line_of(const Check& check, bool color) {
  struct Look {
    const char* word;
    const char* color;
  };
  const auto look = check.health == Health::ok     ? Look{"ok  ", "\x1b[32m"}
                    : check.health == Health::warn ? Look{"warn", "\x1b[33m"}
                                                   : Look{"fail", "\x1b[31m"};
  std::string line = color ? look.color + std::string(look.word) + "\x1b[0m" : look.word;
  line += "  " + pad_right(escape_for_terminal(check.name), 15);
  line += "  " + escape_for_terminal(check.finding, kLineBytes) + "\n";
  if (!check.remedy.empty())
    line += std::string(23, ' ') + "-> " + escape_for_terminal(check.remedy, kLineBytes) + "\n";
  return line;
}

}  // namespace

int run(const DoctorCommand& command, const Options& options, Terminal& terminal) {
  std::vector<Check> checks{check_configuration(command)};
  for (auto& check : app::examine(options.settings, command.options))
    checks.push_back(std::move(check));
  const auto failed = [](const Check& check) { return check.health == Health::fail; };
  const bool healthy = std::none_of(checks.begin(), checks.end(), failed);
  // Whoever stops it has what was found by then.
  const auto stop = app::stop_signal();
  const int code = stop      ? exit_code(stop->reason).code
                   : healthy ? kSuccess
                             : exit_code(Errc::failed).code;
  if (options.output.json) {
    terminal.out.write(doctor_document(checks, code));
    return code;
  }
  for (const auto& check : checks)
    if (options.output.quiet == 0 || check.health != Health::ok)
      terminal.out.write(line_of(check, terminal.console.color_out()));
  return code;
}

}  // namespace lsend::cmd
