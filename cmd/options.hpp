#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lsend/app/devices.hpp"
#include "lsend/app/discover.hpp"
#include "lsend/app/doctor.hpp"
#include "lsend/app/receive.hpp"
#include "lsend/app/send.hpp"
#include "lsend/app/settings.hpp"
#include "lsend/model/log.hpp"
#include "lsend/model/result.hpp"

namespace lsend::cmd {

enum class ProgressMode : std::uint8_t { automatic, bar, plain, none };
enum class ColorMode : std::uint8_t { automatic, always, never };

struct Output {
  bool json = false;
  unsigned quiet = 0;  ///< 1: results, warnings and errors; 2: results and errors
  ProgressMode progress = ProgressMode::automatic;
  ColorMode color = ColorMode::automatic;
  LogLevel log = LogLevel::warn;
};

struct DiscoverCommand {
  app::DiscoverOptions options;
  bool long_format = false;
};

struct SendCommand {
  app::SendOptions options;
  bool message_from_stdin = false;  ///< `options.message` is still to be read
  bool pin_is_public = false;       ///< it stands in argv
};

struct ReceiveCommand {
  app::ReceiveOptions options;
  bool pin_is_public = false;  ///< it stands in argv
};

struct DevicesCommand {
  app::DevicesOptions options;
};

struct InfoCommand {
  std::string target;  ///< empty = this machine
  bool self = false;   ///< ask its receiver
};

struct DoctorCommand {
  app::DoctorOptions options;
  std::vector<std::string> files;  ///< of the configuration, as they were read
  std::optional<Error> wrong;      ///< what is not right in them
};

struct Options {
  Output output;
  app::Settings settings;
  std::variant<DiscoverCommand, SendCommand, ReceiveCommand, InfoCommand, DoctorCommand,
               DevicesCommand>
      command;
};

/// A text that the user asked for (--help, --version).
struct TextForUser {
  std::string text;
};

/// No command at all.
struct NoCommand {};

struct BadUsage {
  Error error;
  bool json = false;   ///< --json was among the options
  bool query = false;  ///< the command prints one document, not a stream
};

/// A variable's value; nothing where it is missing or empty.
using Environment = std::function<std::optional<std::string>(const char* name)>;
Environment process_environment();

/// Where configuration files may be; empty = none.
struct ConfigPaths {
  std::filesystem::path user;    ///< --config stands for it
  std::filesystem::path system;  ///< what the user's own does not say
};
ConfigPaths usual_config_paths();

using CommandLine = std::variant<Options, TextForUser, NoCommand, BadUsage>;

/// Reads argv without the program's name. A flag wins over the environment, which wins over the
/// configuration.
CommandLine read_command_line(const std::vector<std::string>& arguments,
                              const Environment& environment, const ConfigPaths& paths = {});

}  // namespace lsend::cmd
