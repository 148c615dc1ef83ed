#include "cmd/commands.hpp"
#include "cmd/device_text.hpp"
#include "cmd/json_documents.hpp"
#include "lsend/app/devices.hpp"

namespace lsend::cmd {

int run(const DevicesCommand& command, const Options& options, Terminal& terminal) {
  const auto devices = app::devices(options.settings, command.options);
  if (!devices) {
    const auto error = devices.error();
    if (options.output.json) terminal.out.write(known_devices_document({}, &error));
    return exit_with(&error, terminal);
  }
  if (options.output.json) {
    terminal.out.write(known_devices_document(*devices, nullptr));
    return exit_with(nullptr, terminal);
  }
  const bool whole = command.options.action != app::DevicesAction::list;
  for (const auto& device : *devices)
    terminal.out.write(whole ? known_device_text(device) : known_device_line(device));
  if (command.options.action == app::DevicesAction::forget)
    terminal.console.note("forgotten: the next contact is the first one");
  if (devices->empty()) terminal.console.note("no device is known yet");
  return exit_with(nullptr, terminal);
}

}  // namespace lsend::cmd
