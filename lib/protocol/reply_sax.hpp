#pragma once

#include <string_view>

#include "json_text.hpp"
#include "lsend/model/messages.hpp"
#include "lsend/protocol/codec.hpp"

namespace lsend::protocol {

/// `{id: token, ...}`, which is all of v1's reply.
Result<PrepareUploadReply> read_token_map(std::string_view json, const JsonLimits& limits);
/// `{sessionId, files: {id: token, ...}}`.
Result<PrepareUploadReply> read_session_reply(std::string_view json, const JsonLimits& limits);

/// A member `id: token` for every file that was taken.
void add_tokens(JsonObject& object, const PrepareUploadReply& reply);

}  // namespace lsend::protocol
