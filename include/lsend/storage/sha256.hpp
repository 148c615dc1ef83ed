#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace lsend::storage {

/// SHA-256 as the bytes pass.
class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> bytes);
  /// 64 lower-case hex digits. Ends the computation.
  std::string finish_hex();
  /// The same for what has passed so far; more may follow.
  std::string hex_so_far() const;

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

/// 128 bits of the system's randomness as 22 characters of [A-Za-z0-9_-].
std::string random_text();
/// An RFC 4122 version 4 UUID, as official apps use for file ids.
std::string random_uuid();

}  // namespace lsend::storage
