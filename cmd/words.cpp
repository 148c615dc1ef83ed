#include "cmd/words.hpp"

#include <algorithm>
#include <string_view>

#include "lsend/model/text.hpp"

namespace lsend::cmd {

SplitWords split_words(const std::vector<std::string>& arguments) {
  SplitWords split;
  const auto cut = std::find(arguments.begin(), arguments.end(), "--");
  split.words.assign(arguments.begin(), cut);
  if (cut != arguments.end()) split.operands.assign(cut + 1, arguments.end());
  return split;
}

std::optional<Error> check_words(const std::vector<std::string>& words) {
  std::string_view previous;
  for (const std::string_view word : words) {
    if (word.size() > 3 && word.starts_with("--") && word.find('=') == word.size() - 1)
      return fail(Errc::usage, "'" + escape_for_terminal(word, 64) + "' lacks its value");
    if (word == "++" && !previous.starts_with('-'))
      return fail(Errc::usage, "the operand '++' is ambiguous: put it behind '--'");
    previous = word;
  }
  return std::nullopt;
}

}  // namespace lsend::cmd
