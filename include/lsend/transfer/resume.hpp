#pragma once

#include <cstdint>

#include "lsend/model/messages.hpp"
#include "lsend/model/resume.hpp"
#include "lsend/model/time.hpp"

namespace lsend::transfer {

/// Less is sent again as fast as it would be found again. Bytes.
inline constexpr std::uint64_t kWorthKeeping = std::uint64_t{1} << 20U;
/// From here on what has come survives a receiver that is killed. Bytes.
inline constexpr std::uint64_t kWorthLabelling = std::uint64_t{16} << 20U;
/// A receiver states no more than it can hash in this time, all files of a request together: the
/// sender waits for the answer.
inline constexpr Duration kMostStating = std::chrono::seconds(20);
/// A sender checks no longer, and sends the whole file then: the receiver waits for its bytes.
inline constexpr Duration kMostChecking = std::chrono::seconds(60);
/// Parts that are kept for one sender, and for all: the eldest of a sender make room, then those of
/// the sender that has most.
inline constexpr std::size_t kMostKeptOfOne = 16;
inline constexpr std::size_t kMostKept = 64;

/// What a part of this file would be labelled with.
PartLabel label_of(const FileInfo& file, const Fingerprint& sender);

/// May an upload of the file that `wanted` describes go on from a part that bears `kept`? Same
/// proven sender, name, size, and sha256; where one of the two has none, the same time of
/// modification. That is a hint only, and no promise about the bytes: those are proven by
/// ResumePoint::sha256_prefix before any other follows them.
bool continues(const PartLabel& kept, const PartLabel& wanted);

}  // namespace lsend::transfer
