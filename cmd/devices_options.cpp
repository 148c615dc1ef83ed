#include "cmd/command_options.hpp"
#include "cmd/suggest.hpp"

namespace lsend::cmd {
namespace {

struct Action {
  const char* word;
  app::DevicesAction action;
  const char* operands;
  std::size_t count;
};

constexpr Action kActions[] = {
    {"list", app::DevicesAction::list, "", 0},
    {"show", app::DevicesAction::show, " DEVICE", 1},
    {"trust", app::DevicesAction::trust, " DEVICE", 1},
    {"block", app::DevicesAction::block, " DEVICE", 1},
    {"forget", app::DevicesAction::forget, " DEVICE", 1},
    {"rename", app::DevicesAction::rename, " DEVICE NAME", 2},
};

const Action* find_action(const std::string& word, Converter& in) {
  std::vector<std::string> words;
  for (const auto& action : kActions) {
    if (word == action.word) return &action;
    words.emplace_back(action.word);
  }
  const auto meant = nearest(word, words);
  in.reject("devices knows no '" + escape_for_terminal(word, 64) + "'" +
            (meant.empty() ? "" : "; did you mean '" + meant + "'?") +
            (meant.empty() ? "; write list, show, trust, block, forget or rename" : ""));
  return nullptr;
}

}  // namespace

DevicesCommand read_devices(const RawOptions& all, Converter& in) {
  DevicesCommand command;
  const auto& words = all.operands;
  if (words.empty()) return command;
  const auto* action = find_action(words.front(), in);
  if (!action) return command;
  if (words.size() != action->count + 1)
    in.reject("write: lsend devices " + std::string(action->word) + action->operands);
  auto& options = command.options;
  options.action = action->action;
  if (words.size() > 1) options.target = words[1];
  if (words.size() > 2) in.text(Given{"NAME", words[2]}, options.name);
  if (words.size() > 1 && words[1].empty()) in.reject("the DEVICE is empty");
  return command;
}

}  // namespace lsend::cmd
