#include "cmd/values.hpp"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kYearInMs = 8760ULL * 3600 * 1000;

struct Unit {
  std::string_view word;
  std::uint64_t factor;
};

constexpr std::array<Unit, 14> kSizes{{{"", 1},
                                       {"k", 1000},
                                       {"K", 1000},
                                       {"M", 1000ULL * 1000},
                                       {"G", 1000ULL * 1000 * 1000},
                                       {"T", 1000ULL * 1000 * 1000 * 1000},
                                       {"P", 1000ULL * 1000 * 1000 * 1000 * 1000},
                                       {"E", 1000ULL * 1000 * 1000 * 1000 * 1000 * 1000},
                                       {"Ki", 1ULL << 10U},
                                       {"Mi", 1ULL << 20U},
                                       {"Gi", 1ULL << 30U},
                                       {"Ti", 1ULL << 40U},
                                       {"Pi", 1ULL << 50U},
                                       {"Ei", 1ULL << 60U}}};
constexpr std::array<Unit, 5> kTimes{
    {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}}};

struct Reading {
  enum class Kind : std::uint8_t { good, garbage, too_large } kind = Kind::garbage;
  std::uint64_t value = 0;
  std::string_view rest;
};

Reading read_digits(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto rest = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error == std::errc::result_out_of_range) return {Reading::Kind::too_large, 0, rest};
  if (error != std::errc()) return {};
  return {Reading::Kind::good, value, rest};
}

template <std::size_t N>
std::optional<std::uint64_t> factor_of(const std::array<Unit, N>& units, std::string_view word) {
  for (const auto& unit : units)
    if (unit.word == word) return unit.factor;
  return std::nullopt;
}

template <std::size_t N>
Reading read_with_unit(std::string_view text, const std::array<Unit, N>& units) {
  auto reading = read_digits(text);
  if (reading.kind == Reading::Kind::garbage) return reading;
  const auto factor = factor_of(units, reading.rest);
  if (!factor) return {};
  if (reading.kind == Reading::Kind::too_large || reading.value > kMost / *factor)
    return {Reading::Kind::too_large, 0, {}};
  reading.value *= *factor;
  return reading;
}

Error bad_value(std::string_view name, std::string_view text, std::string_view why) {
  return fail(Errc::usage,
              std::string(name) + ": '" + escape_for_terminal(text, 64) + "' " + std::string(why));
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view name, std::string_view text) {
  auto number = text;
  if (number.size() > 1 && number.back() == 'B') number.remove_suffix(1);
  const auto reading = read_with_unit(number, kSizes);
  if (reading.kind == Reading::Kind::too_large)
    return bad_value(name, text, "is too large: at most 16Ei less one byte");
  if (reading.kind == Reading::Kind::garbage)
    return bad_value(name, text, "is no size: write 1500, 10M (10^7) or 10Mi (10 * 2^20)");
  return reading.value;
}

Result<Duration> parse_duration(std::string_view name, std::string_view text, Duration least) {
  const auto reading = read_with_unit(text, kTimes);
  if (reading.kind == Reading::Kind::garbage)
    return bad_value(name, text, "is no duration: write 500ms, 30s, 5m or 2h");
  if (reading.kind == Reading::Kind::too_large || reading.value > kYearInMs)
    return bad_value(name, text, "is too long: at most 8760h");
  if (reading.value == 0 && least > Duration(0))
    return bad_value(name, text, "is no time at all: at least 1ms");
  return Duration(static_cast<Duration::rep>(reading.value));
}

Result<std::uint64_t> parse_number(std::string_view name, std::string_view text,
                                   std::uint64_t least, std::uint64_t most) {
  const auto reading = read_digits(text);
  const bool number = reading.kind == Reading::Kind::good && reading.rest.empty();
  if (number && reading.value >= least && reading.value <= most) return reading.value;
  std::string why = "is no number of at least " + std::to_string(least);
  if (most != kMost)
    why = "is no number from " + std::to_string(least) + " to " + std::to_string(most);
  return bad_value(name, text, why);
}

Result<std::string> read_pin_file(std::string_view name, const std::string& path) {
  const auto what = std::string(name) + ": '" + escape_for_terminal(path, 4096) + "' ";
  struct stat info {};
  if (path.empty() || ::stat(path.c_str(), &info) != 0)
    return fail_errno(Errc::usage, what + "cannot be read", path.empty() ? ENOENT : errno);
  if ((info.st_mode & (S_IROTH | S_IWOTH)) != 0)
    return fail(Errc::usage, what + "can be read by others: chmod o= it");
  std::ifstream file(path);
  if (!file) return fail_errno(Errc::usage, what + "cannot be read", errno);
  std::string pin;
  std::getline(file, pin);
  if (pin.ends_with('\r')) pin.pop_back();
  if (pin.empty() || !is_utf8(pin)) return fail(Errc::usage, what + "has no PIN in its first line");
  return pin;
}

}  // namespace lsend::cmd
