#include "lsend/transfer/active_files.hpp"

#include <algorithm>

namespace lsend::transfer {
namespace {

constexpr Duration kStoodStill = std::chrono::seconds(5);
/// More than any sender has connections; what failed without a word goes first.
constexpr std::size_t kMost = 128;

}  // namespace

void ActiveFiles::moved(std::size_t key, const std::string& name, std::uint64_t size,
                        std::uint64_t bytes, TimePoint now) {
  auto entry = std::find_if(entries_.begin(), entries_.end(),
                            [&](const Entry& known) { return known.key == key; });
  if (entry == entries_.end()) {
    if (entries_.size() >= kMost) entries_.erase(entries_.begin());
    entry = entries_.insert(entries_.end(), Entry{key, ActiveFile{name, 0, size}, now});
  }
  entry->file.bytes += bytes;
  entry->last = now;
  if (entry->file.bytes >= entry->file.size) entries_.erase(entry);
}

void ActiveFiles::forget(std::size_t key) {
  std::erase_if(entries_, [&](const Entry& known) { return known.key == key; });
}

std::vector<ActiveFile> ActiveFiles::show(std::size_t most, TimePoint now) const {
  std::vector<ActiveFile> shown;
  for (const bool moving : {true, false})
    for (const auto& entry : entries_)
      if ((now - entry.last < kStoodStill) == moving && shown.size() < most)
        shown.push_back(entry.file);
  return shown;
}

}  // namespace lsend::transfer
