#pragma once

#include <memory>
#include <string>

#include "cmd/console.hpp"
#include "lsend/app/prompt.hpp"

namespace lsend::cmd {

/// Asks the person at the controlling terminal, line by line. What was typed before a question is
/// thrown away: it is no answer to it.
class TerminalPrompt final : public app::Prompt {
 public:
  /// Null when nobody can be asked: no controlling terminal, or standard error, where questions
  /// stand, is none.
  static std::unique_ptr<TerminalPrompt> open(Console& console);
  TerminalPrompt(const TerminalPrompt&) = delete;
  TerminalPrompt& operator=(const TerminalPrompt&) = delete;
  ~TerminalPrompt() override;

  void ask(const app::Question& question) override;
  std::optional<app::Answer> poll(Duration left) override;
  void withdraw(std::string_view why) override;

 private:
  TerminalPrompt(Console& console, int terminal) : console_(console), terminal_(terminal) {}

  std::optional<std::string> read_line();
  std::optional<app::Answer> take(const std::string& line);
  void count_down(Duration left);
  void close();
  void echo(bool on);

  Console& console_;
  int terminal_;
  app::Question question_;
  bool selecting_ = false;
  bool silent_ = false;          ///< the echo is off
  std::int64_t shown_left_ = 0;  ///< seconds, as the line says
};

}  // namespace lsend::cmd
