#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lsend/model/messages.hpp"
#include "lsend/model/result.hpp"

namespace lsend::protocol {

/// The parameters of a request target, decoded as HTML forms are: "%XX" and '+' for a blank
/// (protocol.md trap 25).
class Query {
 public:
  std::optional<std::string_view> get(std::string_view name) const;
  std::vector<std::pair<std::string, std::string>> items;
};

/// A request target in its two parts. The path is not decoded: no route has an escape in it.
struct Target {
  std::string path;
  Query query;
};

/// Origin form only ("/path?query"). Errc::bad_request for bad escapes, NUL, a duplicated
/// parameter, over 64 of them, text that is no UTF-8; Errc::target_too_long over 8 KiB.
Result<Target> parse_target(std::string_view target);

/// All but A-Z a-z 0-9 - . _ ~ becomes %XX.
std::string percent_encode(std::string_view text);

/// "path?a=b&c=d", values encoded.
std::string make_target(std::string_view path,
                        const std::vector<std::pair<std::string_view, std::string_view>>& query);

/// Reads sessionId (v2 only), fileId and token; Errc::bad_request names the first that is missing.
Result<UploadParams> read_upload_params(const Query& query, bool with_session);

}  // namespace lsend::protocol
