#include "lsend/model/time.hpp"

#include <cstdint>

namespace lsend {
namespace {

using std::chrono::seconds;
constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

/// Reads from the front of a text and remembers whether all of it fitted.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  bool next_is_digit() const { return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; }

  unsigned digits(int count) {
    unsigned value = 0;
    for (; count > 0 && ok_; --count) {
      ok_ = next_is_digit();
      if (ok_) value = value * 10 + static_cast<unsigned>(take() - '0');
    }
    return value;
  }

  bool skip(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_[0]) == std::string_view::npos) return false;
    take();
    return true;
  }

  void expect(std::string_view any_of) { ok_ = ok_ && skip(any_of); }

  std::int64_t fraction() {
    std::int64_t value = 0;
    int count = 0;
    for (; count < 9 && next_is_digit(); ++count) value = value * 10 + (take() - '0');
    ok_ = ok_ && count > 0;
    for (; count < 9; ++count) value *= 10;
    return value;
  }

 private:
  char take() {
    const char c = rest_[0];
    rest_.remove_prefix(1);
    return c;
  }

  std::string_view rest_;
  bool ok_ = true;
};

std::optional<std::chrono::sys_days> read_date(Reader& in) {
  using namespace std::chrono;
  const year y{static_cast<int>(in.digits(4))};
  in.expect("-");
  const month m{in.digits(2)};
  in.expect("-");
  const day d{in.digits(2)};
  const year_month_day date{y, m, d};
  if (!in.ok() || !date.ok()) return std::nullopt;
  return sys_days{date};
}

std::optional<seconds> read_time_of_day(Reader& in) {
  const unsigned hour = in.digits(2);
  in.expect(":");
  const unsigned minute = in.digits(2);
  in.expect(":");
  unsigned second = in.digits(2);
  if (!in.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  if (second == 60) second = 59;  // system time has no leap seconds
  return std::chrono::hours{hour} + std::chrono::minutes{minute} + seconds{second};
}

std::optional<seconds> read_offset(Reader& in) {
  if (in.skip("Zz")) return seconds{0};
  const bool west = in.skip("-");
  if (!west) in.expect("+");
  const unsigned hour = in.digits(2);
  in.expect(":");
  const unsigned minute = in.digits(2);
  if (!in.ok() || hour > 23 || minute > 59) return std::nullopt;
  const seconds offset = std::chrono::hours{hour} + std::chrono::minutes{minute};
  return west ? -offset : offset;
}

std::optional<FileTime> join(seconds whole, std::int64_t nanos) {
  std::int64_t count = whole.count();
  // Towards zero, so that the first second of the range does not overflow half-way.
  if (count < 0 && nanos > 0) {
    count += 1;
    nanos -= kNanosPerSecond;
  }
  std::int64_t total = 0;
  if (__builtin_mul_overflow(count, kNanosPerSecond, &total) ||
      __builtin_add_overflow(total, nanos, &total)) {
    return std::nullopt;
  }
  return FileTime{std::chrono::nanoseconds{total}};
}

/// So many, zeros in front. `value` is not negative and has no more.
void append_digits(std::string& out, std::int64_t value, std::size_t count) {
  out.append(count, '0');
  for (auto digit = out.rbegin(); value > 0; value /= 10)
    *digit++ = static_cast<char>('0' + value % 10);
}

}  // namespace

std::optional<FileTime> parse_rfc3339(std::string_view text) {
  Reader in{text};
  const auto date = read_date(in);
  if (!date) return std::nullopt;
  in.expect("Tt ");
  const auto time = read_time_of_day(in);
  if (!time) return std::nullopt;
  const std::int64_t nanos = in.skip(".") ? in.fraction() : 0;
  const auto offset = read_offset(in);
  if (!offset || !in.ok() || !in.at_end()) return std::nullopt;
  return join(date->time_since_epoch() + *time - *offset, nanos);
}

std::string format_rfc3339(FileTime time) {
  using namespace std::chrono;
  // By hand, not floor<seconds>: its product would overflow in the first second of the range.
  std::int64_t whole = time.time_since_epoch().count() / kNanosPerSecond;
  std::int64_t nanos = time.time_since_epoch().count() % kNanosPerSecond;
  if (nanos < 0) {
    nanos += kNanosPerSecond;
    whole -= 1;
  }
  const sys_seconds second{seconds{whole}};
  const auto midnight = floor<days>(second);
  const year_month_day date{midnight};
  const hh_mm_ss clock{second - midnight};
  std::string result;
  result.reserve(sizeof "1970-01-01T00:00:00.000000000Z");
  append_digits(result, static_cast<int>(date.year()), 4);
  append_digits(result += '-', static_cast<unsigned>(date.month()), 2);
  append_digits(result += '-', static_cast<unsigned>(date.day()), 2);
  append_digits(result += 'T', clock.hours().count(), 2);
  append_digits(result += ':', clock.minutes().count(), 2);
  append_digits(result += ':', clock.seconds().count(), 2);
  if (nanos != 0) {
    append_digits(result += '.', nanos, 9);
    result.erase(result.find_last_not_of('0') + 1);
  }
  return result += 'Z';
}

}  // namespace lsend
