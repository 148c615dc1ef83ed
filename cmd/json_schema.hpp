#pragma once

#include <string_view>

namespace lsend::cmd {

/// cmd/lsend.schema.json: every object that --json prints.
std::string_view json_schema();

}  // namespace lsend::cmd
