#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lsend/model/resume.hpp"

namespace lsend::storage {

/// The file beside a part that says what it belongs to (reliability.md 7.2): one JSON object.
std::string encode_part_label(const PartLabel& label);

/// Nothing for any text that encode_part_label() would not have made, whatever it is: such a part
/// belongs to nobody.
std::optional<PartLabel> parse_part_label(std::string_view json);

/// Longer ones are not even read. Bytes.
inline constexpr std::size_t kMaxPartLabel = 32 * 1024;

}  // namespace lsend::storage
