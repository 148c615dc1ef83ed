#include "cmd/command_options.hpp"

namespace lsend::cmd {

DoctorCommand read_doctor(const RawOptions& all, const app::Settings& settings,
                          const Sources& sources, Converter& in) {
  if (!all.operands.empty()) in.reject("doctor takes no operands; it checks this machine");
  DoctorCommand command;
  command.files = sources.files();
  // As if both were called, in the plainest way.
  Converter trial(sources);
  RawOptions plain;
  plain.operands = {"target", "path"};
  trial.section("send");
  (void)read_send(plain, trial);
  plain.operands.clear();
  plain.receive.auto_accept = true;
  trial.section("receive");
  const auto receive = read_receive(plain, settings, trial);
  command.wrong = trial.error();
  command.options.folder = receive.options.folder;
  command.options.min_free = receive.options.limits.min_free;
  return command;
}

}  // namespace lsend::cmd
