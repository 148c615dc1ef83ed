#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lsend/model/ids.hpp"
#include "lsend/model/time.hpp"

namespace lsend {

/// What a sender says of going on where its uploads broke off (reliability.md 7.5).
struct ResumeWish {
  bool wanted = false;
  SessionId session{};  ///< of the sender's, still running, whose uploads broke; empty = none
};

/// What a receiver still has of a file: `offset` bytes from its beginning, and their sha256 (64
/// lower-case hex digits), by which the sender knows them for its own.
struct ResumePoint {
  std::uint64_t offset = 0;
  std::string sha256_prefix;

  friend bool operator==(const ResumePoint&, const ResumePoint&) = default;
};

/// Which file an incomplete one is the beginning of.
struct PartLabel {
  Fingerprint sender;     ///< proven by its certificate
  std::string file_name;  ///< as announced
  std::uint64_t size = 0;
  std::optional<std::string> sha256{};  ///< as announced
  std::optional<FileTime> modified{};

  friend bool operator==(const PartLabel&, const PartLabel&) = default;
};

}  // namespace lsend
