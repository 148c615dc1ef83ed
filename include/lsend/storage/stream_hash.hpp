#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "lsend/storage/sha256.hpp"

namespace lsend::storage {

/// SHA-256 of a body that passes, in this thread or, so that the transfer need not wait for it, in
/// one of its own (performance.md 3.4: four blocks of 256 KiB).
class StreamHash {
 public:
  /// Is a thread worth it for so many bytes? Where four cores are and half of them are not hashing.
  static bool pays(std::uint64_t bytes);

  explicit StreamHash(bool own_thread = false);
  StreamHash(StreamHash&&) noexcept;
  StreamHash& operator=(StreamHash&&) noexcept;
  ~StreamHash();

  /// `bytes` are the caller's again afterwards.
  void update(std::span<const std::byte> bytes);
  /// 64 lower-case hex digits. Ends the computation.
  std::string finish_hex();
  /// The same for what has passed so far; more may follow.
  std::string hex_so_far() const;

 private:
  class Worker;

  Sha256 here_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace lsend::storage
