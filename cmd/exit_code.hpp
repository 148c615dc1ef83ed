#pragma once

#include <string_view>

#include "lsend/model/result.hpp"

namespace lsend::cmd {

/// A row of cli.md's table of exit codes.
struct ExitCode {
  int code;
  std::string_view name;   ///< the code in JSON
  bool temporary = false;  ///< the same command may succeed later
};

constexpr int kSuccess = 0;

/// What to do about it, where the error itself cannot know; empty where there is nothing to say.
std::string_view hint_of(Errc code);

/// The one table from our errors to exit codes.
ExitCode exit_code(Errc code);

}  // namespace lsend::cmd
