#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lsend/model/result.hpp"
#include "lsend/storage/inbox.hpp"

namespace lsend::storage {

/// Inside the inbox: files on their way in live here, or in ".lsend-UID" where that is another's.
inline constexpr char kPartFolder[] = ".lsend";
/// One of these, of whatever user, in whatever case a file system takes the name.
bool is_part_folder(std::string_view name);
/// Beside a file that the user has named: so begin the names of what is on its way.
inline constexpr char kHiddenPrefix[] = ".lsend-";

inline constexpr unsigned kNumbers = 100;  ///< names that are tried in order

/// The components of clean_file_name() as they are in the inbox: names_on_disk(), and not among the
/// parts, by whatever name the disk would find those.
std::vector<std::string> names_in_inbox(const PartHome& home, std::vector<std::string> components);

/// 0, or the errno. With RENAME_NOREPLACE, a hard link, or by taking the name with an empty file,
/// as the file system allows. Never plain rename: that replaces.
int move_without_replacing(int from_fd, const std::string& from, int to_fd, const std::string& to);

/// Gives the part, open as `fd`, what its folder gives to files, and the name that `terms` say below
/// the inbox, or the next free one, or does with one that is taken what `terms.conflict` says. Gives
/// the components of where it is now.
/// Errc::not_found when the part is not there.
Result<std::vector<std::string>> publish(const PartHome& home, int fd, const std::string& part_name,
                                         const PublishTerms& terms);

}  // namespace lsend::storage
