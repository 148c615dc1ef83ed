#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "lsend/model/result.hpp"

namespace lsend::identity {

/// A buffer of fixed size that is wiped when it goes: it never grows, so no copy stays behind.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t size) : bytes_(size) {}
  SecretBytes(SecretBytes&& other) noexcept = default;
  SecretBytes& operator=(SecretBytes&& other) = delete;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  std::span<char> span() { return bytes_; }
  std::span<const char> span() const { return bytes_; }

 private:
  std::vector<char> bytes_;
};

/// One secret file in one private folder, reached by the folder's descriptor only.
class KeyFile {
 public:
  /// Makes the folder and its parents, 0700, where they are missing. Errc::io when it cannot be
  /// used.
  static Result<KeyFile> open(const std::filesystem::path& folder);
  KeyFile(KeyFile&& other) noexcept;
  KeyFile& operator=(KeyFile&& other) = delete;
  KeyFile(const KeyFile&) = delete;
  KeyFile& operator=(const KeyFile&) = delete;
  ~KeyFile();

  const std::filesystem::path& path() const { return path_; }

  /// Errc::not_found when there is none; Errc::identity when it is not a regular file of ours that
  /// nobody else can read.
  Result<SecretBytes> read() const;
  /// Publishes `content` whole or not at all. False when a file was there already (another process
  /// was first): it is untouched.
  Result<bool> create(std::span<const char> content) const;

 private:
  KeyFile(int folder, std::filesystem::path path);

  int folder_;
  std::filesystem::path path_;
};

}  // namespace lsend::identity
