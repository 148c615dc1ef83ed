#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "lsend/model/device.hpp"
#include "lsend/protocol/routes.hpp"

namespace lsend::protocol {

// The words of v1 that other files need: they are written out in v1.cpp alone.

std::span<const Route> v1_routes();

/// v1 knows mobile, desktop and web, and needs one of them.
std::string_view v1_device_type(std::optional<DeviceType> type);

/// The MIME type that stands for one of v1's file types, empty for any other text. Apps up to 1.17
/// still read these words in v2 (protocol.md 1.3).
std::string_view v1_mime_of_word(std::string_view word);

/// The name of v1's flag in a datagram.
std::string_view v1_announcement_flag();

}  // namespace lsend::protocol
