#pragma once

#include <filesystem>

#include "lsend/model/result.hpp"

namespace lsend::storage {

/// The absolute path without links, "." and ".."; what is not there is taken as it is written.
/// readlink(2) alone is asked: realpath(3) looks at folders with faccessat2(2), which filters of
/// system calls refuse (old container runtimes), and /proc is not there everywhere. The error of
/// the part that cannot be looked at, ELOOP after 40 links.
std::filesystem::path real_path(const std::filesystem::path& path, std::error_code& error);

}  // namespace lsend::storage
