#pragma once

#include <string>

#include "lib/app/call_off.hpp"
#include "lsend/storage/file_source.hpp"

namespace lsend::app {

/// The sha256 of a file, read in steps between which others run: other uploads, signals. Ends early
/// with the reason when it is called off.
net::Task<Result<std::string>> hash_in_steps(storage::LocalFile file, const CallOff& calls);

}  // namespace lsend::app
