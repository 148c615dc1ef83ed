#pragma once

#include <cstddef>
#include <span>

namespace lsend::storage {

/// Fills `out` from the kernel's generator. Throws std::system_error when there is none.
void random_bytes(std::span<std::byte> out);

}  // namespace lsend::storage
