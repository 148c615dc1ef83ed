#include "json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

namespace lsend::protocol {
namespace {

using Json = nlohmann::json;

bool is_plain(char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; }

/// Printable ASCII without anything to escape, as nearly every name, id and digest is. Eight bytes
/// at a time: an offer has megabytes of them.
bool is_plain(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t high = 0x80 * ones;
  // Sets the high bit of the lowest byte that is less than `limit`, and of no byte when none is.
  const auto less = [](std::uint64_t bytes, std::uint64_t limit) {
    return (bytes - ones * limit) & ~bytes & high;
  };
  for (; text.size() >= sizeof ones; text.remove_prefix(sizeof ones)) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data(), sizeof bytes);
    const auto special = less(bytes, ' ') | less(bytes ^ (ones * '"'), 1) |
                         less(bytes ^ (ones * '\\'), 1) | less(bytes ^ (ones * 0x7F), 1);
    if (((bytes & high) | special) != 0) return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) { return is_plain(c); });
}

void append_quoted(std::string& out, std::string_view text) {
  if (!is_plain(text)) {
    out += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

}  // namespace

JsonObject& JsonObject::text(std::string_view member, std::string_view value) {
  name(member);
  append_quoted(out_, value);
  return *this;
}

JsonObject& JsonObject::number(std::string_view member, std::uint64_t value) {
  name(member);
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out_.append(digits.data(), end);
  return *this;
}

JsonObject& JsonObject::flag(std::string_view member, bool value) {
  name(member);
  out_ += value ? "true" : "false";
  return *this;
}

JsonObject& JsonObject::object(std::string_view member, const JsonObject& value) {
  name(member);
  out_ += value.out_;
  out_ += '}';
  return *this;
}

JsonObject& JsonObject::begin(std::string_view member) {
  name(member);
  out_ += '{';
  return *this;
}

JsonObject& JsonObject::end() {
  out_ += '}';
  return *this;
}

void JsonObject::name(std::string_view name) {
  // A value never ends in '{': this object is still empty.
  if (out_.back() != '{') out_ += ',';
  append_quoted(out_, name);
  out_ += ':';
}

}  // namespace lsend::protocol
