#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lsend/app/prompt.hpp"

namespace lsend::cmd {

/// Who asks, for what, and where it would go: lines for a person, peer text escaped.
std::vector<std::string> question_lines(const app::AcceptQuestion& question);
/// The files by number, those that question_lines() left out too.
std::vector<std::string> file_lines(const app::AcceptQuestion& question);
/// What may be answered, in one line: "accept? (y)es (n)o (s)elect: ".
std::string choice_line(const app::AcceptQuestion& question);

/// What a person typed.
struct Typed {
  std::optional<app::Answer> answer;
  bool select = false;  ///< the numbers are still to come
  std::string hint;     ///< why it is no answer
};
/// An empty line is a no. With `numbers`, the line is a selection only.
Typed read_answer(std::string_view line, const app::AcceptQuestion& question, bool numbers);

}  // namespace lsend::cmd
