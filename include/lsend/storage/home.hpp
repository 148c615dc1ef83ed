#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "lsend/model/result.hpp"

namespace lsend::storage {

/// Where this user's lsend keeps things (cli.md, Configuration). `LSEND_HOME` puts all in one
/// folder; else XDG's folders, systemd's `STATE_DIRECTORY` and `CONFIGURATION_DIRECTORY` first.
struct Home {
  std::filesystem::path config;     ///< $XDG_CONFIG_HOME/lsend
  std::filesystem::path data;       ///< $XDG_DATA_HOME/lsend: identity, known devices
  std::filesystem::path state;      ///< $XDG_STATE_HOME/lsend: caches
  std::filesystem::path downloads;  ///< where `receive` stores without --dir

  /// Reads the environment, and the password database where HOME is missing. Errc::usage when
  /// nothing helps.
  static Result<Home> locate();
  /// Nothing helped: what has to be kept has no place.
  bool nowhere() const { return data.empty(); }
};

/// "~" and "~/x" as a shell reads them, "~user/x" below the home folder of that user; whatever else
/// as it is. Errc::usage, as half a sentence: there is no such user or no home folder.
Result<std::filesystem::path> expand_home(const std::string& path);

/// The host's name, cut at the first dot; "lsend" when there is none.
std::string host_name();

/// Writes a whole small file: temporary name, fsync, rename, so that readers see all or nothing.
Result<> write_file_atomically(const std::filesystem::path& path, std::string_view text,
                               unsigned mode);

}  // namespace lsend::storage
