#include "cmd/command_options.hpp"

namespace lsend::cmd {

Result<Options> convert(const RawOptions& raw, const Sources& sources) {
  Converter in(sources);
  Options options;
  options.output = read_output(raw.shared, in);
  options.settings = read_settings(raw.shared, in);
  in.section(raw.command);
  if (raw.command == "discover") options.command = read_discover(raw, in);
  if (raw.command == "send") options.command = read_send(raw, in);
  if (raw.command == "receive") options.command = read_receive(raw, options.settings, in);
  if (raw.command == "info") options.command = read_info(raw, in);
  if (raw.command == "doctor") options.command = read_doctor(raw, options.settings, sources, in);
  if (raw.command == "devices") options.command = read_devices(raw, in);
  if (in.error()) return *in.error();
  return options;
}

}  // namespace lsend::cmd
