#pragma once

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>

#include "lsend/model/byte_source.hpp"
#include "lsend/storage/stream_hash.hpp"

namespace lsend::app {

/// A text that is already in memory.
class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string_view text) : text_(text) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto bytes = std::min(buffer.size(), text_.size());
    std::copy_n(reinterpret_cast<const std::byte*>(text_.data()), bytes, buffer.data());
    text_.remove_prefix(bytes);
    return bytes;
  }

 private:
  std::string_view text_;
};

/// Standard input whose length the user gave: exactly so much, or an error.
class StdinSource final : public ByteSource {
 public:
  explicit StdinSource(std::uint64_t size) : size_(size), left_(size) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer.size()));
    const auto bytes = read_some(buffer.first(room));
    if (bytes < 0) return fail_errno(Errc::io, "cannot read standard input", errno);
    if (bytes == 0 && left_ > 0)
      return fail(Errc::io, "standard input ended " + std::to_string(left_) +
                                " bytes before the length given by --size");
    left_ -= static_cast<std::uint64_t>(bytes);
    return static_cast<std::size_t>(bytes);
  }
  int blocking_descriptor() const override { return STDIN_FILENO; }
  Result<> check_end() override {
    std::byte one{};
    const auto bytes = read_some(std::span(&one, 1));
    if (bytes < 0) return fail_errno(Errc::io, "cannot read standard input", errno);
    if (bytes == 0) return {};
    return fail(Errc::io, "standard input is longer than the " + std::to_string(size_) +
                              " bytes given by --size; without --size it is stored first and sent "
                              "as a whole");
  }

 private:
  static ssize_t read_some(std::span<std::byte> buffer) {
    ssize_t bytes = 0;
    do bytes = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    while (bytes < 0 && (errno == EINTR || (errno == EAGAIN && wait_a_little())));
    return bytes;
  }
  /// Another program may have made the input non-blocking.
  static bool wait_a_little() {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    return ::poll(&input, 1, 100) >= 0;
  }

  std::uint64_t size_;
  std::uint64_t left_;
};

/// Hashes what another source gives, as it passes.
class HashedSource final : public ByteSource {
 public:
  /// `size`: bytes that are expected.
  HashedSource(ByteSource& source, bool hash, std::uint64_t size) : source_(source) {
    if (hash) digest_.emplace(storage::StreamHash::pays(size));
  }
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    auto bytes = source_.read(buffer);
    if (bytes && digest_) digest_->update(buffer.first(*bytes));
    return bytes;
  }
  int blocking_descriptor() const override { return source_.blocking_descriptor(); }
  Result<> check_end() override { return source_.check_end(); }
  std::string remark() const override { return source_.remark(); }
  /// Of what has passed so far, when it is hashed.
  std::string sha256_so_far() const { return digest_ ? digest_->hex_so_far() : std::string(); }
  /// Lower-case hex, when it was hashed. Ends the computation.
  std::optional<std::string> sha256() {
    if (!digest_) return std::nullopt;
    return digest_->finish_hex();
  }

 private:
  ByteSource& source_;
  std::optional<storage::StreamHash> digest_;
};

}  // namespace lsend::app
