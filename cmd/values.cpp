#include "cmd/values.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <map>
#include <utility>
#include <optional>
#include <string>

#include "lsend/app/configuration.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kYearInMs = 8760ULL * 3600 * 1000;
constexpr std::size_t kLongestPinFile = 1024;
/// A command that gives the PIN may ask a person for another secret first.
constexpr int kPinCommandMs = 60 * 1000;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

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

/// What <(COMMAND) and /dev/stdin stand for, and no FIFO that waits for somebody to write.
bool is_shell_pipe(int fd) {
  struct statfs system {};
  return ::fstatfs(fd, &system) == 0 && system.f_type == PIPEFS_MAGIC;
}

/// Nothing, with errno, on failure; a byte more than a PIN's file may have where there is more.
std::optional<std::string> read_little(int fd) {
  std::string text;
  std::array<char, kLongestPinFile + 1> buffer{};
  while (text.size() <= kLongestPinFile) {
    const auto bytes = ::read(fd, buffer.data(), buffer.size() - text.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0 && errno == EAGAIN) {
      pollfd ready{fd, POLLIN, 0};
      if (::poll(&ready, 1, kPinCommandMs) > 0 || errno == EINTR) continue;
      errno = ETIMEDOUT;
    }
    if (bytes < 0) return std::nullopt;
    if (bytes == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(bytes));
  }
  return text;
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

Result<std::string> parse_path(std::string_view name, const std::string& text) {
  if (text.empty()) return fail(Errc::usage, std::string(name) + ": a path is missing");
  const auto path = storage::expand_home(text);
  if (!path) return fail(Errc::usage, std::string(name) + ": " + path.error().message());
  return path->string();
}

Result<std::string> parse_remote_path(std::string_view name, const std::string& text) {
  if (text.empty()) return fail(Errc::usage, std::string(name) + ": a text is missing");
  if (!is_utf8(text)) return fail(Errc::usage, std::string(name) + ": the text is not UTF-8");
  if (text.find('\\') != std::string::npos)
    return bad_value(name, text, "has a '\\' in it, which some receivers take for a '/'");
  std::string path;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find('/', start), text.size());
    const auto part = text.substr(start, end - start);
    start = end + 1;
    if (part == "..")
      return bad_value(name, text, "has '..' in it, which would leave the receiver's folder");
    if (part.empty() || part == ".") continue;
    if (part.find_first_not_of(' ') == std::string::npos)
      return bad_value(name, text, "has a part of blanks only");
    path += (path.empty() ? "" : "/") + part;
  }
  if (path.empty()) return path;
  if (const auto clean = storage::clean_file_name(path); !clean)
    return fail(Errc::usage, std::string(name) + ": " + clean.error().message());
  return path;
}

Result<> check_pin(std::string_view name, std::string_view pin) {
  const auto what = std::string(name) + ": the PIN ";
  if (pin.starts_with(kByteOrderMark))
    return fail(Errc::usage, what + "begins with a byte order mark");
  const auto is_control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  };
  if (std::any_of(pin.begin(), pin.end(), is_control))
    return fail(Errc::usage, what + "has a control character in it, such as the end of a line");
  return {};
}

namespace {

/// What came out of pipes, which can be read once only: a receiver that is told to read its options
/// again finds the PIN here.
std::map<std::pair<dev_t, ino_t>, std::string>& pins_of_pipes() {
  static std::map<std::pair<dev_t, ino_t>, std::string> pins;
  return pins;
}

}  // namespace

Result<std::string> read_pin_file(std::string_view name, const std::string& path) {
  const auto what = std::string(name) + ": '" + escape_for_terminal(path, 4096) + "' ";
  const auto wrong = [&](const char* why) { return fail(Errc::usage, what + why); };
  // Not blocking: it may be a FIFO.
  const storage::UniqueFd file(
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0)
    return fail_errno(Errc::usage, what + "cannot be read", errno);
  if (S_ISDIR(info.st_mode)) return wrong("is a folder");
  if (!S_ISREG(info.st_mode) && !is_shell_pipe(file.get()))
    return wrong("is no file: a PIN comes from a file, from <(COMMAND) or from the environment");
  if ((info.st_mode & (S_IROTH | S_IWOTH)) != 0) return wrong("can be read by others: chmod o= it");
  const std::pair pipe(info.st_dev, info.st_ino);
  if (const auto read = pins_of_pipes().find(pipe); read != pins_of_pipes().end())
    return read->second;
  auto text = read_little(file.get());
  if (!text) return fail_errno(Errc::usage, what + "cannot be read", errno);
  if (text->size() > kLongestPinFile) return wrong("is too long for a PIN: 1024 bytes at most");
  if (text->starts_with(kByteOrderMark)) text->erase(0, kByteOrderMark.size());
  if (text->starts_with("\xFF\xFE") || text->starts_with("\xFE\xFF"))
    return wrong("is UTF-16 text: save it as UTF-8");
  if (text->find('\0') != std::string::npos) return wrong("has a NUL in it");
  text->resize(std::min(text->find_first_of("\r\n"), text->size()));
  if (text->find_first_not_of(" \t\r\n") == std::string::npos)
    return wrong("has no PIN in its first line");
  if (!is_utf8(*text)) return wrong("is no UTF-8 text");
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  if (is_blank(text->front()) || is_blank(text->back()))
    return wrong("has blanks before or behind the PIN, and they would count: remove them");
  if (const auto fine = check_pin(name, *text); !fine) return fine.error();
  if (!S_ISREG(info.st_mode)) pins_of_pipes().emplace(pipe, *text);
  return std::move(*text);
}

}  // namespace lsend::cmd
