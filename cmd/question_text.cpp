#include "cmd/question_text.hpp"

#include <algorithm>
#include <charconv>

#include "cmd/console.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

constexpr std::size_t kAliasBytes = 64;
constexpr std::size_t kPathBytes = 4096;
constexpr std::size_t kNameBytes = 200;
constexpr std::size_t kFirstNames = 8;
constexpr std::size_t kMostNames = 1000;

std::string device_text(const app::RequestEvent& request) {
  auto text = request.device.alias.empty() ? std::string("a device without a name")
                                           : escape_for_terminal(request.device.alias, kAliasBytes);
  text += " (";
  if (request.device.device_type)
    text += std::string(to_string(*request.device.device_type)) + ", ";
  return text + escape_for_terminal(request.address) + ")";
}

std::string standing_text(const app::RequestEvent& request) {
  using identity::Standing;
  switch (request.standing) {
    case Standing::trusted:
      return "trusted";
    case Standing::seen:
      return "seen before";
    case Standing::blocked:
      return "blocked";
    case Standing::changed:
      return "CAREFUL: the name or address of a known device, but not its certificate";
    case Standing::fresh:
      break;
  }
  return request.verified ? "new" : "unknown: it did not prove who it is";
}

void add_names(std::vector<std::string>& lines, const app::AcceptQuestion& question,
               std::size_t from, std::size_t most) {
  const auto& files = question.files;
  const auto end = std::min(files.size(), most);
  for (auto i = from; i < end; ++i)
    lines.push_back("  " + std::to_string(i + 1) + "  " +
                    escape_for_terminal(files[i].file_name, kNameBytes) + "  " +
                    format_size(files[i].size));
  if (files.size() > end)
    lines.push_back("  ... and " + std::to_string(files.size() - end) + " more");
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

/// A number that was typed, or nothing.
std::optional<std::size_t> read_number(std::string_view text, std::size_t most) {
  std::size_t number = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = problem == std::errc() && stop == text.data() + text.size();
  if (!whole || number < 1 || number > most) return std::nullopt;
  return number;
}

/// "1 3-5" or "2,4".
Typed read_selection(std::string_view text, std::size_t count) {
  Typed typed;
  std::vector<bool> chosen(count, false);
  while (!(text = trim(text)).empty()) {
    const auto end = text.find_first_of(" ,\t");
    const auto word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto dash = word.find('-');
    const auto first = read_number(word.substr(0, dash), count);
    const auto last =
        dash == std::string_view::npos ? first : read_number(word.substr(dash + 1), count);
    if (word.empty()) continue;
    if (!first || !last || *first > *last) {
      typed.hint = "numbers from 1 to " + std::to_string(count) + ", as in 1 3-5";
      return typed;
    }
    for (auto i = *first; i <= *last; ++i) chosen[i - 1] = true;
  }
  app::Answer answer;
  answer.choice = app::Answer::Choice::some;
  for (std::size_t i = 0; i < count; ++i)
    if (chosen[i]) answer.files.push_back(i);
  if (answer.files.empty()) answer.choice = app::Answer::Choice::no;
  typed.answer = std::move(answer);
  return typed;
}

Typed choice(app::Answer::Choice choice) {
  Typed typed;
  typed.answer.emplace();
  typed.answer->choice = choice;
  return typed;
}

}  // namespace

std::vector<std::string> question_lines(const app::AcceptQuestion& question) {
  const auto& request = question.request;
  std::vector<std::string> lines;
  auto first = device_text(request) + " wants to send ";
  if (question.files.empty())
    first += "files by a form, " + format_size(request.bytes) + " in all";
  else
    first += count_of(question.files.size(), "file") + ", " + format_size(request.bytes);
  lines.push_back(std::move(first));
  add_names(lines, question, 0, kFirstNames);
  lines.push_back("  device       " + standing_text(request));
  if (request.verified)
    lines.push_back("  fingerprint  " + request.device.fingerprint.brief() + "...");
  lines.push_back("  into         " + escape_for_terminal(question.folder, kPathBytes));
  return lines;
}

std::vector<std::string> file_lines(const app::AcceptQuestion& question) {
  std::vector<std::string> lines;
  if (question.files.size() > kFirstNames) add_names(lines, question, kFirstNames, kMostNames);
  return lines;
}

std::string choice_line(const app::AcceptQuestion& question) {
  std::string line = "accept? (y)es (n)o";
  if (question.request.verified) line += " (a)lways";
  if (question.files.size() > 1) line += " (s)elect";
  if (question.request.verified) line += " (b)lock";
  return line + ": ";
}

Typed read_answer(std::string_view line, const app::AcceptQuestion& question, bool numbers) {
  using Choice = app::Answer::Choice;
  const auto text = trim(line);
  if (numbers) return read_selection(text, question.files.size());
  if (text.empty() || text == "n" || text == "N" || text == "no") return choice(Choice::no);
  if (text == "y" || text == "Y" || text == "yes") return choice(Choice::yes);
  Typed typed;
  const bool proven = question.request.verified;
  const bool always = text == "a" || text == "always";
  const bool block = text == "b" || text == "block";
  if ((always || block) && proven) return choice(always ? Choice::always : Choice::block);
  if (always || block) {
    typed.hint = "this device did not prove who it is: answer for this time only, y or n";
    return typed;
  }
  const bool select = text.front() == 's' && question.files.size() > 1;
  if (select && (text == "s" || text == "select")) {
    typed.select = true;
    return typed;
  }
  if (select && text.size() > 1 && (text[1] == ' ' || (text[1] >= '0' && text[1] <= '9')))
    return read_selection(text.substr(1), question.files.size());
  typed.hint = "answer with one of the letters";
  return typed;
}

}  // namespace lsend::cmd
