#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lsend/model/result.hpp"

namespace lsend::protocol {

/// The boundary in a request's Content-Type, which has to be multipart/form-data.
Result<std::string> read_boundary(std::string_view content_type);

/// The file name in a part's head (its lines, CR LF after each, without the blank one); nothing for
/// a part that is no file.
Result<std::optional<std::string>> read_part_head(std::string_view head, std::size_t max_fields);

}  // namespace lsend::protocol
