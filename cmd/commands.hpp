#pragma once

#include <memory>

#include "cmd/channel.hpp"
#include "cmd/console.hpp"
#include "cmd/options.hpp"

namespace lsend::cmd {

/// Where a command writes. The console also serves --json, for the errors on standard error.
struct Terminal {
  Channel& out;
  Console& console;
};

/// Each gives the exit code of the program.
int run(const DiscoverCommand& command, const Options& options, Terminal& terminal);
int run(const SendCommand& command, const Options& options, Terminal& terminal);
int run(const ReceiveCommand& command, const Options& options, Terminal& terminal);
int run(const InfoCommand& command, const Options& options, Terminal& terminal);
int run(const DoctorCommand& command, const Options& options, Terminal& terminal);
int run(const DevicesCommand& command, const Options& options, Terminal& terminal);

/// JSON lines, where they are asked for.
std::unique_ptr<Reporter> make_json(const Options& options, Terminal& terminal, bool transfer);

/// Of a PIN that everyone can read; `variable` keeps it to the user.
app::WarningEvent public_pin(std::string_view variable);

/// Prints the error, if any, and gives the code for it.
int exit_with(const Error* error, Terminal& terminal);

}  // namespace lsend::cmd
