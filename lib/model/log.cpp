#include "lsend/model/log.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "lsend/model/text.hpp"

namespace lsend {
namespace {

constexpr std::size_t kLineBytes = 4096;
constexpr Duration kSummaryEvery = std::chrono::seconds(10);
/// Different refusals that are told apart, in all and of one address.
constexpr std::size_t kMostKinds = 1000;
constexpr int kMostOfAddress = 20;
constexpr std::string_view kOtherKinds = "more refusals, of other kinds";
constexpr std::string_view kOtherAddresses = "other addresses";

struct Repeated {
  TimePoint since;
  LogLevel level = LogLevel::info;
  std::uint64_t more = 0;
};
using Kind = std::pair<std::string, std::string>;

struct Log {
  LogLevel most = LogLevel::error;
  LogSink sink;
  std::map<Kind, Repeated> repeated;
};

Log& the_log() {
  static Log log;
  return log;
}

std::string refusal_line(const Kind& kind) { return kind.first + ": " + kind.second; }

bool has_many(const std::map<Kind, Repeated>& repeated, const std::string& address) {
  int kinds = 0;
  for (auto entry = repeated.lower_bound(Kind(address, "")); entry != repeated.end(); ++entry)
    if (entry->first.first != address || ++kinds >= kMostOfAddress) break;
  return kinds >= kMostOfAddress;
}

/// What may be written of it: whoever chooses its words must not choose how much is written.
Kind told_as(const std::map<Kind, Repeated>& repeated, Kind kind) {
  if (repeated.contains(kind)) return kind;
  if (repeated.size() >= kMostKinds) return Kind(kOtherAddresses, kOtherKinds);
  if (has_many(repeated, kind.first)) return Kind(kind.first, kOtherKinds);
  return kind;
}

}  // namespace

void set_log(LogLevel most, LogSink sink) {
  the_log().most = most;
  the_log().sink = std::move(sink);
  the_log().repeated.clear();
}

bool log_enabled(LogLevel level) { return the_log().sink && level <= the_log().most; }

void log(LogLevel level, std::string_view text) {
  if (log_enabled(level))
    the_log().sink(level, escape_for_terminal(mask_secrets(text), kLineBytes));
}

namespace {

void log_repeatable(LogLevel level, std::string_view address, std::string_view what,
                    TimePoint now) {
  if (!log_enabled(level)) return;
  auto& repeated = the_log().repeated;
  const Kind kind =
      told_as(repeated, Kind(escape_for_terminal(address), escape_for_terminal(what)));
  const auto found = repeated.find(kind);
  if (found != repeated.end()) {
    ++found->second.more;
    return;
  }
  repeated.emplace(kind, Repeated{now, level});
  log(level, refusal_line(kind));
}

}  // namespace

void log_refusal(std::string_view address, std::string_view what, TimePoint now) {
  log_repeatable(LogLevel::info, address, what, now);
}

void log_failure(std::string_view address, std::string_view what, TimePoint now) noexcept try {
  log_repeatable(LogLevel::error, address, what, now);
} catch (...) {
  // There is no memory even for that.
}

void log_repeated(TimePoint now) {
  auto& repeated = the_log().repeated;
  for (auto entry = repeated.begin(); entry != repeated.end();) {
    auto& [kind, count] = *entry;
    if (now - count.since < kSummaryEvery) {
      ++entry;
      continue;
    }
    // Quiet for ten seconds: the next one is news.
    if (count.more == 0) {
      entry = repeated.erase(entry);
      continue;
    }
    log(count.level,
        refusal_line(kind) + " (" + std::to_string(count.more) + " more in ten seconds)");
    count = Repeated{now, count.level};
    ++entry;
  }
}

std::string mask_secrets(std::string_view text) {
  constexpr std::array<std::string_view, 4> names{"sessionId=", "token=", "pin=", "fileId="};
  constexpr std::string_view ends = "& '\"\t\n";
  std::string masked;
  while (!text.empty()) {
    const auto name = std::find_if(names.begin(), names.end(),
                                   [&](std::string_view known) { return text.starts_with(known); });
    if (name == names.end()) {
      masked += text.front();
      text.remove_prefix(1);
      continue;
    }
    masked += std::string(*name) + "***";
    text.remove_prefix(std::min(text.size(), text.find_first_of(ends, name->size())));
  }
  return masked;
}

}  // namespace lsend
