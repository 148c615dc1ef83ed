#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lsend::cmd {

/// The word that `typed` most probably was meant to be; empty when none is near.
std::string nearest(std::string_view typed, const std::vector<std::string>& words);

}  // namespace lsend::cmd
