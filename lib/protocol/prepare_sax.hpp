#pragma once

#include <string_view>

#include "lsend/model/messages.hpp"
#include "lsend/model/result.hpp"
#include "lsend/protocol/codec.hpp"

namespace lsend::protocol {

/// Reads a request of `{info, files}`; the versions differ in words only, and all words are read.
Result<PrepareUpload> read_prepare_upload(std::string_view json, const DeviceDefaults& defaults,
                                          const JsonLimits& limits);

}  // namespace lsend::protocol
