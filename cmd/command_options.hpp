#pragma once

#include "cmd/converter.hpp"
#include "cmd/declarer.hpp"

namespace lsend::cmd {

/// The options of each command: put down for the parser, and understood once they were typed. One
/// file a command (X_options.cpp).

void declare_shared(Declarer& in, RawShared& raw);
void declare_discover(Declarer& in, RawDiscover& raw);
void declare_send(Declarer& in, RawSend& raw);
void declare_receive(Declarer& in, RawReceive& raw);
void declare_info(Declarer& in, RawInfo& raw);

Output read_output(const RawShared& raw, Converter& in);
app::Settings read_settings(const RawShared& raw, Converter& in);
DiscoverCommand read_discover(const RawOptions& all, Converter& in);
SendCommand read_send(const RawOptions& all, Converter& in);
ReceiveCommand read_receive(const RawOptions& all, const app::Settings& settings, Converter& in);
/// Reads what `send` and `receive` would read of the configuration, so that all of it is checked.
DoctorCommand read_doctor(const RawOptions& all, const app::Settings& settings,
                          const Sources& sources, Converter& in);
InfoCommand read_info(const RawOptions& all, Converter& in);
DevicesCommand read_devices(const RawOptions& all, Converter& in);

}  // namespace lsend::cmd
