#pragma once

#include "lib/app/interrupt.hpp"
#include "lib/app/runtime.hpp"
#include "lsend/app/prompt.hpp"

namespace lsend::app {

/// Brings the questions of many coroutines before one person, one after another.
class PromptDesk {
 public:
  /// An `interrupt` closes the question that is open.
  explicit PromptDesk(Prompt& prompt, const Interrupt* interrupt = nullptr)
      : prompt_(prompt), interrupt_(interrupt) {}
  PromptDesk(const PromptDesk&) = delete;
  PromptDesk& operator=(const PromptDesk&) = delete;

  /// Nothing when nobody answered by `limit`. Cancelled or interrupted, it withdraws the question.
  Task<std::optional<Answer>> ask(Question question, TimePoint limit);

 private:
  class Turn;

  bool interrupted() const { return interrupt_ && interrupt_->requested(); }

  Prompt& prompt_;
  const Interrupt* interrupt_;
  bool taken_ = false;
};

}  // namespace lsend::app
