#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "lsend/model/result.hpp"

namespace lsend::storage {

/// Why this file cannot be sent; nothing when it can. Whether it can be read is found out by
/// opening it, unless its mode leaves no doubt.
std::optional<Error> objection(const std::string& path, const struct stat& status);

/// What is wrong with the name at the receiver, "folder/file" in UTF-8, so that no receiver need
/// refuse all files for the sake of one: Errc::name_refused.
std::optional<Error> objection_to_name(const std::string& name);

/// A local name as it can go to a receiver: bytes that are no UTF-8 become U+FFFD, and so does
/// nothing else but what would make folders of a name there ('\' on some systems) or leave nothing
/// of it (a part of blanks only): that becomes '_'.
std::string sendable_name(const std::string& name);

}  // namespace lsend::storage
