#include "cmd/console.hpp"

#include <algorithm>

#include "cmd/device_text.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

constexpr std::size_t kAliasBytes = 64;
constexpr std::size_t kPathBytes = 16 * 1024;
constexpr std::size_t kSizeColumn = 10;
/// More lines that say the same of other files are no news.
constexpr std::size_t kSameLines = 20;

std::string name_of(const DeviceInfo& device) {
  return device.alias.empty() ? "a device without a name"
                              : escape_for_terminal(device.alias, kAliasBytes);
}

}  // namespace

std::string escape_lines(std::string_view text) {
  std::string shown;
  while (true) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    // Four bytes of a text become eleven at most.
    shown += escape_for_terminal(line, line.size() * 4 + 16);
    if (end == std::string_view::npos) return shown;
    shown += '\n';
    text.remove_prefix(end + 1);
  }
}

std::string dropped_text(const Dropped& dropped) {
  return "lsend: warning: nobody read this: lines were dropped, " + describe(dropped) + "\n";
}

std::string count_of(std::size_t number, std::string_view noun) {
  return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

/// Whole lines.
void Console::write(Channel& channel, std::string_view text, Worth worth) {
  progress_.clear();
  if (held_.empty()) {
    channel.write(text, worth);
    return;
  }
  // A new line spoils nothing of what is being typed.
  if (&channel == &err_) {
    err_.write("\n" + std::string(text) + held_, worth);
    return;
  }
  err_.write("\n");
  channel.write(text, worth);
  err_.write(held_);
}

bool Console::full() const {
  return (out_.queue() && out_.queue()->full()) || (err_.queue() && err_.queue()->full());
}

void Console::on_room(std::function<void()> told) {
  if (out_.queue()) out_.queue()->on_room(told);
  if (err_.queue()) err_.queue()->on_room(told);
}

void Console::result(std::string_view line) {
  write(style_.out_is_taken ? err_ : out_, std::string(line) + "\n");
}

void Console::ask(std::string_view line) { write(err_, std::string(line) + "\n"); }

void Console::note(std::string_view line) {
  if (style_.quiet == 0) write(err_, std::string(line) + "\n");
}

void Console::hold(std::string line) {
  progress_.clear();
  held_ = std::move(line);
  err_.write(held_);
}

void Console::change_held(std::string_view beginning) {
  held_.replace(0, beginning.size(), beginning);
  err_.write(
      "\x1b"
      "7\r" +
      std::string(beginning) +
      "\x1b"
      "8",
      Worth::frame);
}

void Console::release() {
  if (!held_.empty()) err_.write("\n");
  held_.clear();
}

void Console::print_error_line(std::string_view label, const char* color,
                               std::string_view message) {
  std::string line = "lsend: ";
  if (style_.color_err) line += color;
  line += label;
  if (style_.color_err) line += "\x1b[0m";
  write(err_, line + " " + escape_lines(message) + "\n");
}

void Console::warning(std::string_view message) {
  if (style_.quiet < 2) print_error_line("warning:", "\x1b[33m", message);
}

void Console::error(const Error& error) {
  print_error_line("error:", "\x1b[31m",
                   error.message().empty() ? "unknown failure" : error.message());
}

void Console::answer(const std::string& line) {
  write(err_, "lsend: status: " + line + "\n", Worth::log);
}

void Console::log(std::string_view lines) { write(err_, lines, Worth::log); }

void Console::on(const app::Event& event) {
  std::visit([this](const auto& known) { show(known); }, event);
}

void Console::show(const app::ReadyEvent& event) {
  const auto port = std::to_string(event.self.port);
  note("lsend " LSEND_VERSION " receives as " + name_of(event.self));
  for (const auto& address : event.addresses)
    note("  address      " + address_of(Endpoint{event.self.protocol, address, event.self.port}));
  if (event.addresses.empty()) note("  port         " + port);
  note("  folder       " + escape_for_terminal(event.folder, kPathBytes));
  const std::string pin = event.made_pin.empty() ? event.pin ? "on" : "off" : event.made_pin;
  note("  PIN          " + pin);
  note("  policy       " + escape_for_terminal(event.policy, kPathBytes));
  note("  fingerprint  " + event.self.fingerprint.str());
}

void Console::show(const app::DeviceEvent& event) {
  using Kind = app::DeviceEvent::Kind;
  auto line = device_line(event, style_.long_format, style_.color_out);
  if (!style_.watch) {
    if (event.kind == Kind::found) result(line);
    return;
  }
  const auto* word = event.kind == Kind::found     ? "found    "
                     : event.kind == Kind::updated ? "updated  "
                                                   : "lost     ";
  result(word + line);
}

void Console::show(const app::TargetEvent& event) {
  auto line = "to " + name_of(event.device) + " (" + address_of(event.endpoint);
  const auto& print = event.device.fingerprint;
  const bool known =
      event.standing == identity::Standing::seen || event.standing == identity::Standing::trusted;
  if (event.standing == identity::Standing::trusted) line += ", trusted";
  const auto fingerprint = escape_for_terminal(known ? print.brief() : print.str(), kAliasBytes);
  if (!fingerprint.empty()) line += ", fingerprint " + fingerprint;
  note(line + (event.verified ? ")" : ", not proven)"));
  if (event.remembered)
    note("  first contact: this fingerprint is expected from now on; 'lsend devices trust fp:" +
         print.str().substr(0, 16) + "' trusts it");
}

/// A table, as a result, of what is not going to be sent now.
void Console::show(const app::PlanEvent& event) {
  if (!event.dry_run) return;
  for (const auto& file : event.list) {
    auto line = format_size(file.size);
    line.insert(0, kSizeColumn - std::min(kSizeColumn, line.size()), ' ');
    result(line + "  " + escape_for_terminal(file.name, kPathBytes));
  }
  auto total = count_of(event.files, "file") + ", " + format_size(event.bytes);
  if (event.left_out > 0) total += ", " + std::to_string(event.left_out) + " left out";
  result(total);
}

void Console::show(const app::WaitingEvent& event) { note(escape_lines(event.reason)); }

/// What became of it is told when it is decided.
void Console::show(const app::RequestEvent&) {}

void Console::show(const app::DecisionEvent& decision) {
  const auto& event = decision.request;
  auto line = name_of(event.device) + " (" + escape_for_terminal(event.address) + "): ";
  // A form does not tell what is in it.
  const auto code = decision.error ? decision.error->code() : Errc::failed;
  if (code == Errc::pin_wrong || code == Errc::pin_locked)
    line += "a request";
  else
    line += event.files == 0 ? std::string("a form")
                             : count_of(event.files, "file") + ", " + format_size(event.bytes);
  if (event.message && decision.accepted) return;
  if (decision.error)
    line += ": refused: " + escape_lines(decision.error->message());
  else if (decision.files < event.files)
    line += ": accepted " + std::to_string(decision.files);
  else
    line += ": accepted";
  note(line);
}

void Console::show(const app::FileEvent& event) {
  const auto name = escape_for_terminal(event.name, kPathBytes);
  switch (event.status) {
    case app::FileStatus::done:
      if (!event.path.empty()) result(escape_for_terminal(event.path, kPathBytes));
      break;
    case app::FileStatus::declined:
      leave_out("declined: " + name);
      break;
    case app::FileStatus::skipped:
      leave_out("skipped: " + name);
      break;
    case app::FileStatus::failed:
      fail_file(name, event.error);
      break;
  }
}

void Console::leave_out(const std::string& line) {
  ++left_out_;
  if (left_out_ <= kSameLines) note(line);
  if (left_out_ == kSameLines + 1) note("... and more; --json names them all");
}

void Console::fail_file(const std::string& name, const Error& error) {
  // Whoever stops it knows why.
  if (is_stop(error.code())) return;
  same_cause_ = error.message() == cause_ ? same_cause_ + 1 : 1;
  cause_ = error.message();
  if (same_cause_ <= kSameLines)
    print_error_line("failed:", "\x1b[31m", name + ": " + error.message());
  if (same_cause_ == kSameLines + 1)
    print_error_line("failed:", "\x1b[31m",
                     "more files, for the same reason; --json names them all");
}

void Console::show(const app::ProgressEvent& event) {
  if (held_.empty()) progress_.show(event, Clock::now());
}

void Console::show(const app::MessageEvent& event) {
  note("message from " + name_of(event.device) + " (" + escape_for_terminal(event.address) + "):");
  result(escape_lines(event.text));
}

void Console::show(const app::SessionEvent& event) {
  progress_.end();
  left_out_ = same_cause_ = 0;
  auto line = name_of(event.device) + ": " + escape_for_terminal(event.end) + ": " +
              count_of(event.done, "file") + ", " + format_size(event.bytes);
  if (event.failed > 0) line += ", " + std::to_string(event.failed) + " not received";
  note(line);
}

void Console::show(const app::HookEvent& event) {
  if (!event.output.empty()) note(escape_lines(event.output));
  if (event.ok) return;
  warning("the command of --exec for " + escape_for_terminal(event.path, kPathBytes) + " " +
          event.end);
}

void Console::show(const app::WarningEvent& event) { warning(event.message); }

void Console::finish(const Totals&, const Error*) {
  progress_.end();
  if (err_.queue()) err_.queue()->tell_dropped();
}

}  // namespace lsend::cmd
