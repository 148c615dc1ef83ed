#include "cmd/command_options.hpp"

namespace lsend::cmd {

void declare_info(Declarer& in, RawInfo& raw) {
  in.flag("--self", raw.self, "ask this machine's own receiver");
}

InfoCommand read_info(const RawOptions& all, Converter& in) {
  InfoCommand command;
  command.self = all.info.self;
  if (!all.operands.empty()) command.target = all.operands.front();
  if (all.operands.size() > 1) in.reject("info takes one TARGET");
  if (command.self && !command.target.empty())
    in.reject("--self asks this machine: leave out the TARGET");
  return command;
}

}  // namespace lsend::cmd
