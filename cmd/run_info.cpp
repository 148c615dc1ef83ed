#include "cmd/commands.hpp"
#include "cmd/device_text.hpp"
#include "cmd/exit_code.hpp"
#include "cmd/json_documents.hpp"

namespace lsend::cmd {
namespace {

template <class Info>
int show(const Result<Info>& info, const Options& options, Terminal& terminal,
         std::string (*text)(const Info&), std::string (*document)(const Info&)) {
  if (!info) {
    const auto error = info.error();
    if (options.output.json) terminal.out.write(failure_document("info", error));
    return exit_with(&error, terminal);
  }
  terminal.out.write(options.output.json ? document(*info) : text(*info));
  return kSuccess;
}

}  // namespace

int run(const InfoCommand& command, const Options& options, Terminal& terminal) {
  if (command.self)
    return show(app::self_info(options.settings), options, terminal, peer_info_text,
                peer_info_document);
  if (command.target.empty())
    return show(app::own_info(options.settings), options, terminal, own_info_text,
                own_info_document);
  return show(app::peer_info(options.settings, command.target), options, terminal, peer_info_text,
              peer_info_document);
}

}  // namespace lsend::cmd
