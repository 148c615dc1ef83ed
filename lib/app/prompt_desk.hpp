#pragma once

#include "lib/app/runtime.hpp"
#include "lsend/app/prompt.hpp"

namespace lsend::app {

/// Brings the questions of many coroutines before one person, one after another.
class PromptDesk {
 public:
  explicit PromptDesk(Prompt& prompt) : prompt_(prompt) {}
  PromptDesk(const PromptDesk&) = delete;
  PromptDesk& operator=(const PromptDesk&) = delete;

  /// Nothing when nobody answered by `limit`. Cancelled, it withdraws the question.
  Task<std::optional<Answer>> ask(Question question, TimePoint limit);

 private:
  class Turn;

  Prompt& prompt_;
  bool taken_ = false;
};

}  // namespace lsend::app
