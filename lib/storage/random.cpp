#include "random.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "lsend/storage/sha256.hpp"

namespace lsend::storage {
namespace {

void fill_from_kernel(std::span<std::byte> out) {
  while (!out.empty()) {
    const auto got = getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

/// A hundred thousand tokens cost a few thousand calls of the kernel this way.
struct Pool {
  std::array<std::byte, 1024> bytes{};
  std::size_t used = bytes.size();
};

}  // namespace

void random_bytes(std::span<std::byte> out) {
  thread_local Pool pool;
  if (out.size() > pool.bytes.size()) return fill_from_kernel(out);
  if (pool.bytes.size() - pool.used < out.size()) {
    fill_from_kernel(pool.bytes);
    pool.used = 0;
  }
  std::byte* const from = pool.bytes.data() + pool.used;
  std::copy_n(from, out.size(), out.data());
  std::memset(from, 0, out.size());  // what was given away is not kept
  pool.used += out.size();
}

std::string random_text() {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<std::byte, 16> bytes{};
  random_bytes(bytes);
  std::string text;
  text.reserve(22);
  unsigned bits = 0;
  unsigned count = 0;
  for (const std::byte byte : bytes) {
    bits = (bits << 8U) | std::to_integer<unsigned>(byte);
    for (count += 8; count >= 6; count -= 6) text += digits[(bits >> (count - 6)) & 63U];
  }
  text += digits[(bits << (6 - count)) & 63U];
  return text;
}

std::string random_uuid() {
  static constexpr char digits[] = "0123456789abcdef";
  std::array<std::byte, 16> bytes{};
  random_bytes(bytes);
  bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x40};  // version 4
  bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};  // the variant of RFC 4122
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    const auto value = std::to_integer<unsigned>(bytes[i]);
    text += digits[value >> 4U];
    text += digits[value & 15U];
  }
  return text;
}

}  // namespace lsend::storage
