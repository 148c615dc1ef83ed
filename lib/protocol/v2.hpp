#pragma once

#include <span>

#include "lsend/protocol/routes.hpp"

namespace lsend::protocol {

std::span<const Route> v2_routes();

}  // namespace lsend::protocol
