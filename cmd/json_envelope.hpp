#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "lsend/model/result.hpp"

namespace lsend::cmd {

using Json = nlohmann::ordered_json;

/// What every line of --json has in common, and how text gets into it.

/// One line, in ASCII, so that a terminal never sees what peers chose.
std::string line_of(const Json& json);
/// An object with v, type and ts.
Json object(const char* type);
/// One with ok and exit_code: how the command ended. `error` is null for success.
Json verdict(const char* type, const Error* error);
/// The one document of a query, which has the error in itself.
Json document(const char* type, const Error* error);
/// The fields of an error event; also what stands in documents and files.
Json error_fields(const Error& error);
std::string base64(std::string_view bytes);
/// A name of a file is bytes; JSON has UTF-8 only: what is none also stands at `key` + "_b64".
void put_name(Json& json, const std::string& key, const std::string& name);

}  // namespace lsend::cmd
