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

/// The first line of a file that others cannot read.
Result<std::string> read_pin_file(std::string_view name, const std::string& path);

}  // namespace lsend::cmd
