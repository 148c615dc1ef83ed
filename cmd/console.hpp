#pragma once

#include <string>
#include <string_view>

#include "cmd/channel.hpp"
#include "cmd/options.hpp"
#include "cmd/progress_line.hpp"
#include "cmd/reporter.hpp"

namespace lsend::cmd {

struct ConsoleStyle {
  unsigned quiet = 0;
  ProgressMode progress = ProgressMode::none;
  bool color_out = false, color_err = false;
  bool long_format = false;   ///< of devices
  bool out_is_taken = false;  ///< standard output carries a file: results go to `err`
  bool watch = false;         ///< devices: say what became of them
};

/// Tells people: results to `out`, everything else to `err`. Peer text is escaped here.
class Console final : public Reporter {
 public:
  Console(Channel& out, Channel& err, ConsoleStyle style)
      : out_(out), err_(err), style_(style), progress_(style.progress, err, style.color_err) {}

  void on(const app::Event& event) override;
  /// Only takes the progress away: what is left to say depends on the command.
  void finish(const Totals& totals, const Error* error) override;
  bool full() const override;
  void on_room(std::function<void()> told) override;

  /// Seen on a terminal until something else is said.
  void status(const std::string& text) { progress_.status(text); }
  void result(std::string_view line);
  void note(std::string_view line);
  /// For a person who has to answer: said however quiet we are.
  void ask(std::string_view line);
  /// A line without an end, where somebody types: it is written again below whatever else is said.
  void hold(std::string line);
  /// Draws over the beginning of the held line; both are as long.
  void change_held(std::string_view beginning);
  /// The held line is done with.
  void release();
  /// Whoever typed into the held line has ended it.
  void line_ended() { held_.clear(); }
  void warning(std::string_view message);
  void error(const Error& error);
  /// What somebody asked for, however quiet it is.
  void answer(const std::string& line);
  /// Lines of the log, whole.
  void log(std::string_view lines);
  bool color_out() const { return style_.color_out; }

 private:
  void show(const app::ReadyEvent& event);
  void show(const app::DeviceEvent& event);
  void show(const app::TargetEvent& event);
  void show(const app::PlanEvent& event);
  void show(const app::WaitingEvent& event);
  void show(const app::RequestEvent& event);
  void show(const app::DecisionEvent& event);
  void show(const app::FileEvent& event);
  void show(const app::ProgressEvent& event);
  void show(const app::MessageEvent& event);
  void show(const app::SessionEvent& event);
  void show(const app::HookEvent& event);
  void show(const app::WarningEvent& event);
  void write(Channel& channel, std::string_view text, Worth worth = Worth::kept);
  void leave_out(const std::string& line);
  void fail_file(const std::string& name, const Error& error);
  /// Answered by who counts.
  void show(const app::StatusEvent&) {}
  void print_error_line(std::string_view label, const char* color, std::string_view message);

  Channel& out_;
  Channel& err_;
  ConsoleStyle style_;
  ProgressDisplay progress_;
  std::string held_;
  std::size_t left_out_ = 0;    ///< files that were declined or skipped, of this transfer
  std::size_t same_cause_ = 0;  ///< files that failed for one reason, one after another
  std::string cause_;
};

/// Peer text of more than one line: only its line ends stay as they are.
std::string escape_lines(std::string_view text);

/// The warning that something was dropped.
std::string dropped_text(const Dropped& dropped);

/// "1 file", "3 files".
std::string count_of(std::size_t number, std::string_view noun);

}  // namespace lsend::cmd
