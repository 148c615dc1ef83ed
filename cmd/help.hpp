#pragma once

#include <string>
#include <string_view>

namespace lsend::cmd {

/// `lsend` alone.
std::string short_help();

/// The "Usage:" lines of a command; of the program itself for "lsend".
std::string_view usage_of(std::string_view command);

/// What stands below the options.
std::string_view notes_of(std::string_view command);

}  // namespace lsend::cmd
