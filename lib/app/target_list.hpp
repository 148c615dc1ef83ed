#pragma once

#include <string>
#include <vector>

#include "lsend/app/settings.hpp"
#include "lsend/model/result.hpp"

namespace lsend::app {

/// The targets with each @group replaced by its own, none twice. Errc::usage for a group that the
/// configuration does not have, or that is empty.
Result<std::vector<std::string>> expand_targets(const Settings& settings,
                                                const std::vector<std::string>& targets);

}  // namespace lsend::app
