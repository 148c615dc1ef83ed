#include "lib/app/prompt_desk.hpp"

#include <algorithm>

#include "lsend/net/task_group.hpp"

namespace lsend::app {

namespace {
constexpr Duration kLookEvery{100};
constexpr const char* kTooLate = "no answer in time: declined";
}  // namespace

/// The person's attention, given back on every way out.
class PromptDesk::Turn {
 public:
  Turn(PromptDesk& desk, const Question& question, TimePoint limit) : desk_(desk), limit_(limit) {
    desk_.taken_ = true;
    desk_.prompt_.ask(question);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    desk_.taken_ = false;
    if (!open_) return;
    // What waited for the answer may have given up first.
    const bool late = Clock::now() >= limit_;
    desk_.prompt_.withdraw(late ? kTooLate : "the sender has gone or called it off");
  }
  void close() { open_ = false; }

 private:
  PromptDesk& desk_;
  TimePoint limit_;
  bool open_ = true;
};

Task<std::optional<Answer>> PromptDesk::ask(Question question, TimePoint limit) {
  while (taken_) {
    const bool waited = co_await net::sleep_for(kLookEvery);
    if (!waited || interrupted() || Clock::now() >= limit) co_return std::nullopt;
  }
  Turn turn(*this, question, limit);
  while (true) {
    if (interrupted()) {
      turn.close();
      prompt_.withdraw("");
      co_return std::nullopt;
    }
    const auto now = Clock::now();
    const auto left = std::chrono::duration_cast<Duration>(limit - now);
    auto answer = prompt_.poll(std::max(left, Duration(0)));
    if (answer || now >= limit) {
      turn.close();
      if (!answer) prompt_.withdraw(kTooLate);
      co_return answer;
    }
    const bool waited = co_await net::sleep_for(kLookEvery);
    if (!waited) co_return std::nullopt;
  }
}

}  // namespace lsend::app
