#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lsend/model/time.hpp"

namespace lsend::transfer {

/// A file on its way.
struct ActiveFile {
  std::string name;
  std::uint64_t bytes = 0, size = 0;
};

/// Which files move right now, for who looks on.
class ActiveFiles {
 public:
  /// `key` tells files apart; the name and size count when it is new.
  void moved(std::size_t key, const std::string& name, std::uint64_t size, std::uint64_t bytes,
             TimePoint now);
  /// An attempt failed or the file has ended.
  void forget(std::size_t key);
  /// The oldest `most` that are not whole, in the order in which they began. One that has not moved
  /// for a while comes after all others.
  std::vector<ActiveFile> show(std::size_t most, TimePoint now) const;

 private:
  struct Entry {
    std::size_t key;
    ActiveFile file;
    TimePoint last;
  };
  std::vector<Entry> entries_;
};

}  // namespace lsend::transfer
