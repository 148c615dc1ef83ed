#pragma once

#include <string>
#include <vector>

#include "lib/app/runtime.hpp"

namespace lsend::app {

/// A command of the user's, for the shell: `/bin/sh -c LINE NAME ARGUMENTS...`. What a peer said
/// travels in arguments, environment and input, never in the line.
struct ShellCommand {
  ShellCommand(std::string command_line, Duration time_limit)
      : line(std::move(command_line)), limit(time_limit) {}

  std::string line;
  std::vector<std::string> arguments;  ///< "$1" and on; "$0" is "lsend"
  /// "NAME=value", added to our own environment and stronger than it.
  std::vector<std::string> environment;
  std::string input;  ///< its standard input
  Duration limit;     ///< then its process group is killed
};

/// How a command ended.
struct CommandEnd {
  enum class Kind : std::uint8_t { exited, signalled, timed_out } kind = Kind::exited;
  int number = 0;      ///< the exit status, or the signal
  std::string output;  ///< the first 4 KiB of its standard output and error; the rest is dropped
  bool success() const { return kind == Kind::exited && number == 0; }
  /// "ended with status 3", "was ended by signal 9", "ran longer than 30 s and was ended".
  std::string describe(Duration limit) const;
};

/// Runs it in a process group of its own with no descriptors but its three, without blocking. When
/// the coroutine is cancelled, or its frame taken apart, the group is killed. Text with a NUL in it
/// ends there. Errc::failed when it could not be started.
Task<Result<CommandEnd>> run_command(ShellCommand command);

}  // namespace lsend::app
