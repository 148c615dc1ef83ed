#pragma once

#include <string>
#include <vector>

#include "lsend/model/result.hpp"
#include "lsend/model/time.hpp"
#include "lsend/storage/inbox.hpp"

namespace lsend::storage {

/// Inside the inbox: files on their way in live here.
inline constexpr char kPartFolder[] = ".lsend";

inline constexpr unsigned kNumbers = 100;  ///< names that are tried in order

/// Keeps peers' files from among the parts, in whatever case a file system takes the name.
void leave_part_folder(std::vector<std::string>& components);

/// The folder that the last file went to, open for a moment: many files in a row go to the same
/// one. Briefly, because a descriptor follows a folder that somebody moves out of the inbox.
class LastFolder {
 public:
  /// The folder below `root_fd`, made where it is missing. `components` is not empty. The
  /// descriptor is valid until the next call. Errors of open_folder_beneath().
  Result<int> open(int root_fd, std::vector<std::string> components);
  void forget() { folder_.reset(); }

 private:
  static constexpr Duration kMoment{20};

  std::vector<std::string> components_;
  UniqueFd folder_;
  TimePoint opened_;
};

/// Gives the part the name that `components` say below the inbox, or the next free one, or does
/// with one that is taken what `conflict` says. Gives the components of where it is now.
Result<std::vector<std::string>> publish(const PartHome& home, const std::string& part_name,
                                         std::vector<std::string> components, Conflict conflict);

}  // namespace lsend::storage
