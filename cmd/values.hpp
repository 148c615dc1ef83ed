#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lsend/model/result.hpp"
#include "lsend/model/time.hpp"

namespace lsend::cmd {

/// Values of options. `name` is the option (or the variable of the environment) that an error of
/// Errc::usage names.

/// Bytes: "1500", "10k" = 10^4, "10M" = 10^7, "10Mi" = 10 * 2^20, up to E and Ei; a trailing B may
/// follow the unit.
Result<std::uint64_t> parse_size(std::string_view name, std::string_view text);

/// "500ms", "30s", "5m", "2h"; a bare number is seconds. At least `least`, a year at most.
Result<Duration> parse_duration(std::string_view name, std::string_view text,
                                Duration least = Duration(1));

/// A whole number, decimal digits only.
Result<std::uint64_t> parse_number(std::string_view name, std::string_view text,
                                   std::uint64_t least, std::uint64_t most);

/// A path of this host; '~' and '~user' in front are home folders.
Result<std::string> parse_path(std::string_view name, const std::string& text);

/// What stands in a name at the receiver: "a/b" without empty parts and ".". Errc::usage for '..',
/// for '\' (a '/' on some systems), for what no receiver takes. Empty only where there is no part.
Result<std::string> parse_remote_path(std::string_view name, const std::string& text);

/// What no PIN has in it, and mostly got there unseen.
Result<> check_pin(std::string_view name, std::string_view pin);

/// The only line of a file that others cannot read, or of a pipe that a shell has made; without a
/// byte order mark and the line's end of any system.
Result<std::string> read_pin_file(std::string_view name, const std::string& path);

}  // namespace lsend::cmd
