#include "lsend/model/log.hpp"

#include <vector>

#include "catch.hpp"

using namespace lsend;
using std::chrono::seconds;

namespace {

/// What is logged while it lives.
struct Lines {
  explicit Lines(LogLevel most) {
    set_log(most, [this](LogLevel, const std::string& line) { lines.push_back(line); });
  }
  ~Lines() { set_log(LogLevel::error, {}); }
  std::vector<std::string> lines;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("log: off until somebody listens, and up to a level") {
  log(LogLevel::error, "nobody hears this");
  CHECK(!log_enabled(LogLevel::error));
  const Lines log_lines(LogLevel::info);
  log(LogLevel::debug, "too much");
  log(LogLevel::info, "one");
  log(LogLevel::error, "two");
  CHECK(log_lines.lines == Texts{"one", "two"});
}

TEST_CASE("log: no secrets, no control characters") {
  const Lines log_lines(LogLevel::trace);
  log(LogLevel::info, "POST /api/localsend/v2/upload?sessionId=abc&fileId=f&token=t-1 200");
  log(LogLevel::info, "GET /x?pin=1234' and \x1b[2J\u202E");
  CHECK(log_lines.lines ==
        Texts{"POST /api/localsend/v2/upload?sessionId=***&fileId=***&token=*** 200",
              "GET /x?pin=***' and \\x1B[2J\\u{202E}"});
  CHECK(mask_secrets("pin=") == "pin=***");
  CHECK(mask_secrets("").empty());
}

TEST_CASE("log: the same refusal again and again is two lines") {
  const Lines log_lines(LogLevel::info);
  const TimePoint start{};
  for (int i = 0; i < 50; ++i) log_refusal("10.0.0.1", "handshake failed", start);
  log_refusal("10.0.0.2", "handshake failed", start);
  log_refusal("10.0.0.1", "wrong PIN", start);
  CHECK(log_lines.lines ==
        Texts{"10.0.0.1: handshake failed", "10.0.0.2: handshake failed", "10.0.0.1: wrong PIN"});
  log_repeated(start + seconds(9));
  CHECK(log_lines.lines.size() == 3);
  log_repeated(start + seconds(10));
  CHECK(log_lines.lines.size() == 4);
  CHECK(log_lines.lines.back() == "10.0.0.1: handshake failed (49 more in ten seconds)");
  // One that has gone on is still counted; one that has stopped is news again.
  log_refusal("10.0.0.1", "handshake failed", start + seconds(11));
  log_refusal("10.0.0.2", "handshake failed", start + seconds(11));
  CHECK(log_lines.lines.size() == 5);
  log_repeated(start + seconds(20));
  CHECK(log_lines.lines.back() == "10.0.0.1: handshake failed (1 more in ten seconds)");
}

TEST_CASE("log: who chooses the words does not choose how much is written") {
  const Lines log_lines(LogLevel::info);
  const TimePoint start{};
  for (int i = 0; i < 3000; ++i) log_refusal("10.0.0.1", "no name " + std::to_string(i), start);
  CHECK(log_lines.lines.size() == 21);
  CHECK(log_lines.lines[19] == "10.0.0.1: no name 19");
  CHECK(log_lines.lines[20] == "10.0.0.1: more refusals, of other kinds");
  log_refusal("10.0.0.2", "no name", start);
  CHECK(log_lines.lines.size() == 22);
  log_repeated(start + seconds(10));
  CHECK(log_lines.lines.size() == 23);
  CHECK(log_lines.lines.back() ==
        "10.0.0.1: more refusals, of other kinds (2979 more in ten seconds)");
}

TEST_CASE("log: addresses without number are not remembered without end") {
  const Lines log_lines(LogLevel::info);
  for (int i = 0; i < 3000; ++i) log_refusal("fd00::" + std::to_string(i), "no", TimePoint{});
  CHECK(log_lines.lines.size() == 1001);
  CHECK(log_lines.lines.back() == "other addresses: more refusals, of other kinds");
}
