#include "cmd/terminal_prompt.hpp"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "cmd/question_text.hpp"
#include "cmd/terminal.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

/// Narrower, a line with the time that is left would wrap and could not be drawn over.
constexpr unsigned kLeastColumns = 80;

std::string time_left(std::int64_t seconds) {
  return "[no in " + std::string(seconds < 10 ? " " : "") + std::to_string(seconds) + " s] ";
}

}  // namespace

std::unique_ptr<TerminalPrompt> TerminalPrompt::open(Console& console) {
  if (!is_terminal(STDERR_FILENO)) return nullptr;
  const int terminal = ::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0) return nullptr;
  return std::unique_ptr<TerminalPrompt>(new TerminalPrompt(console, terminal));
}

TerminalPrompt::~TerminalPrompt() {
  close();
  ::close(terminal_);
}

void TerminalPrompt::ask(const app::Question& question) {
  question_ = question;
  selecting_ = false;
  shown_left_ = 0;
  if (in_foreground(terminal_)) ::tcflush(terminal_, TCIFLUSH);
  if (const auto* pin = std::get_if<app::PinQuestion>(&question_)) {
    echo(false);
    console_.hold((pin->again ? "wrong; PIN of " : "PIN of ") + pin->device + ": ");
    return;
  }
  if (const auto* contact = std::get_if<app::ContactQuestion>(&question_)) {
    console_.ask(contact->device + " is not known. " +
                 (contact->fingerprint.empty() ? "It cannot prove who it is."
                                               : "Its fingerprint is " + contact->fingerprint));
    console_.hold("send to it? (y)es (n)o: ");
    return;
  }
  const auto& accept = std::get<app::AcceptQuestion>(question_);
  for (const auto& line : question_lines(accept)) console_.ask(line);
}

std::optional<app::Answer> TerminalPrompt::poll(Duration left) {
  // A shell that had the terminal in between turned it on.
  if (std::holds_alternative<app::PinQuestion>(question_)) echo(false);
  const auto line = read_line();
  if (!line) {
    if (std::holds_alternative<app::AcceptQuestion>(question_)) count_down(left);
    return std::nullopt;
  }
  auto answer = take(*line);
  if (answer) close();
  return answer;
}

/// A line without its end, an empty one at the end of input; nothing while none was typed.
std::optional<std::string> TerminalPrompt::read_line() {
  pollfd look{terminal_, POLLIN, 0};
  // Whoever reads from a terminal that another job has is stopped by the kernel.
  if (!in_foreground(terminal_) || ::poll(&look, 1, 0) != 1) return std::nullopt;
  std::array<char, 4096> buffer{};
  const auto bytes = ::read(terminal_, buffer.data(), buffer.size());
  if (bytes < 0 && (errno == EINTR || errno == EAGAIN)) return std::nullopt;
  // A terminal that was hung up says no.
  std::string line(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
  const bool entered = line.ends_with('\n');
  if (entered) line.pop_back();
  // The echo of that key began a new line.
  if (entered && !silent_) console_.line_ended();
  return line;
}

std::optional<app::Answer> TerminalPrompt::take(const std::string& line) {
  if (std::holds_alternative<app::PinQuestion>(question_)) {
    app::Answer answer;
    answer.choice = line.empty() ? app::Answer::Choice::no : app::Answer::Choice::yes;
    answer.text = line;
    return answer;
  }
  if (std::holds_alternative<app::ContactQuestion>(question_)) {
    app::Answer answer;
    if (line == "y" || line == "yes") answer.choice = app::Answer::Choice::yes;
    return answer;
  }
  const auto& accept = std::get<app::AcceptQuestion>(question_);
  auto typed = read_answer(line, accept, selecting_);
  if (typed.answer) return std::move(typed.answer);
  console_.release();
  shown_left_ = 0;
  selecting_ = selecting_ || typed.select;
  if (typed.select)
    for (const auto& more : file_lines(accept)) console_.ask(more);
  if (!typed.hint.empty()) console_.ask(typed.hint);
  return std::nullopt;
}

/// The choices, behind the time that is left.
void TerminalPrompt::count_down(Duration left) {
  const auto seconds =
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(left).count());
  if (seconds == shown_left_) return;
  const bool first = shown_left_ == 0;
  if (first) {
    const auto& accept = std::get<app::AcceptQuestion>(question_);
    console_.hold(time_left(seconds) +
                  (selecting_ ? "numbers, as in 1 3-5: " : choice_line(accept)));
  } else if (!is_dumb(process_environment()) && terminal_width(STDERR_FILENO) >= kLeastColumns) {
    console_.change_held(time_left(seconds));
  }
  shown_left_ = seconds;
}

void TerminalPrompt::withdraw(std::string_view why) {
  close();
  if (!why.empty()) console_.ask(why);
}

void TerminalPrompt::close() {
  echo(true);
  console_.release();
}

void TerminalPrompt::echo(bool on) {
  if (on && !silent_) return;
  // From the background that would stop us, and the shell restores its own modes.
  if (!in_foreground(terminal_)) return;
  termios modes{};
  if (::tcgetattr(terminal_, &modes) != 0) return;
  if (((modes.c_lflag & ECHO) != 0) == on) return;
  if (on)
    modes.c_lflag |= static_cast<tcflag_t>(ECHO);
  else
    modes.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  if (::tcsetattr(terminal_, TCSANOW, &modes) == 0) silent_ = !on;
}

}  // namespace lsend::cmd
