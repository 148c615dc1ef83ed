#pragma once

#include <string>
#include <vector>

#include "lsend/model/result.hpp"
#include "lsend/storage/inbox.hpp"

namespace lsend::storage {

/// Inside the inbox: files on their way in live here.
inline constexpr char kPartFolder[] = ".lsend";

inline constexpr unsigned kNumbers = 100;  ///< names that are tried in order

/// Keeps peers' files from among the parts, in whatever case a file system takes the name.
void leave_part_folder(std::vector<std::string>& components);

/// Gives the part the name that `components` say below the inbox, or the next free one, or does
/// with one that is taken what `conflict` says. Gives the components of where it is now.
Result<std::vector<std::string>> publish(const PartHome& home, const std::string& part_name,
                                         std::vector<std::string> components, Conflict conflict);

}  // namespace lsend::storage
