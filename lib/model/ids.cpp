#include "lsend/model/ids.hpp"

#include <algorithm>

namespace lsend {
namespace {

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

char upper_hex(char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_hex(std::string_view text) { return std::all_of(text.begin(), text.end(), is_hex_digit); }

}  // namespace

Fingerprint::Fingerprint(std::string_view text) : value_(text) {
  if (is_hex(value_)) std::transform(value_.begin(), value_.end(), value_.begin(), upper_hex);
}

Fingerprint Fingerprint::from_digest(const std::array<std::uint8_t, 32>& sha256) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  Fingerprint result;
  result.value_.reserve(2 * sha256.size());
  for (const std::uint8_t byte : sha256) {
    result.value_ += digits[byte >> 4U];
    result.value_ += digits[byte & 0x0FU];
  }
  return result;
}

bool Fingerprint::is_sha256() const { return value_.size() == 64 && is_hex(value_); }

bool Fingerprint::starts_with(std::string_view hex_prefix) const {
  return value_.size() >= hex_prefix.size() &&
         std::equal(hex_prefix.begin(), hex_prefix.end(), value_.begin(),
                    [](char a, char b) { return upper_hex(a) == upper_hex(b); });
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  // Volatile, or the compiler may leave the loop at the first difference.
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto bits = static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
    difference = static_cast<unsigned char>(difference | bits);
  }
  return difference == 0;
}

}  // namespace lsend
