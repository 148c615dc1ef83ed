#include "cmd/options.hpp"

#include <algorithm>

#include "cmd/command_options.hpp"
#include "cmd/command_tree.hpp"
#include "cmd/sources.hpp"
#include "cmd/values.hpp"
#include "cmd/words.hpp"

namespace lsend::cmd {
namespace {

/// What a second reading of the same words looks at, also where it is not there yet.
void add_config_paths(const std::optional<std::string>& chosen, const ConfigPaths& paths,
                      const Environment& environment, std::vector<std::filesystem::path>& reads) {
  reads.push_back(chosen ? std::filesystem::path(*chosen) : paths.user);
  reads.push_back(paths.system);
  // Who has no HOME is looked up by the C library (storage::Home).
  if (!environment("HOME")) reads.insert(reads.end(), {"/etc/passwd", "/etc/nsswitch.conf"});
  std::erase(reads, std::filesystem::path());
}

CommandLine read_words(CommandTree& tree, const std::vector<std::string>& words,
                       std::vector<std::string> operands, const Environment& environment,
                       const ConfigPaths& paths) {
  const auto bad = [&](Error error) -> CommandLine {
    const auto name = tree.command();
    const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
    const bool watch = tree.raw().discover.watch;
    return BadUsage{
        std::move(error), json,
        name == "info" || name == "doctor" || name == "devices" || (name == "discover" && !watch)};
  };
  if (auto error = check_words(words)) return bad(std::move(*error));
  auto text = tree.parse(words);
  if (!text) return bad(text.error());
  if (*text) return TextForUser{std::move(**text)};
  auto& raw = tree.raw();
  if (raw.command.empty() && operands.empty()) return NoCommand{};
  if (raw.command.empty()) return bad(fail(Errc::usage, "a command is missing before '--'"));
  raw.operands.insert(raw.operands.end(), operands.begin(), operands.end());
  auto chosen = raw.shared.config ? raw.shared.config : environment("LSEND_CONFIG");
  if (chosen) {
    const auto path = parse_path(raw.shared.config ? "--config" : "LSEND_CONFIG", *chosen);
    if (!path) return bad(path.error());
    chosen = *path;
  }
  auto files = read_config_files(chosen, paths);
  // The doctor tells of a broken configuration like of everything else that is broken.
  const bool examined = !files && raw.command == "doctor";
  if (!files && !examined) return bad(files.error());
  const auto wrong = files ? std::optional<Error>() : std::optional(files.error());
  if (!files) files = std::vector<storage::ConfigFile>();
  auto options = convert(raw, Sources(environment, std::move(*files)));
  if (auto* doctor = options ? std::get_if<DoctorCommand>(&options->command) : nullptr)
    if (wrong) doctor->wrong = wrong;
  if (auto* receive = options ? std::get_if<ReceiveCommand>(&options->command) : nullptr)
    add_config_paths(chosen, paths, environment, receive->options.reload_reads);
  if (!options) return bad(options.error());
  return std::move(*options);
}

}  // namespace

CommandLine read_command_line(const std::vector<std::string>& arguments,
                              const Environment& environment, const ConfigPaths& paths) {
  auto line = split_words(arguments);
  CommandTree tree;
  return read_words(tree, line.words, std::move(line.operands), environment, paths);
}

}  // namespace lsend::cmd
