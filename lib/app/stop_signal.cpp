#include "lsend/app/stop_signal.hpp"

#include <algorithm>
#include <csignal>

#include "lib/app/interrupt.hpp"
#include "lsend/app/at_stop.hpp"

namespace lsend::app {
namespace {

/// So that the end comes within the two seconds that cli.md promises, what is still to be written
/// included.
constexpr Duration kGone = std::chrono::milliseconds(1900);
constexpr Duration kGoneAtOnce = std::chrono::milliseconds(100);

std::optional<StopSignal>& the_stop() {
  static std::optional<StopSignal> stop;
  return stop;
}

void (*whom_to_tell)(const StopSignal&) = nullptr;

void tell() {
  if (whom_to_tell) whom_to_tell(*the_stop());
}

bool is_ignored(int number) {
  struct sigaction now {};
  return sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

// Looked at before main(): whoever handles a signal changes it for good.
const bool hangup_ignored = is_ignored(SIGHUP);
const bool quit_ignored = is_ignored(SIGQUIT);

}  // namespace

std::optional<StopSignal> stop_signal() { return the_stop(); }

void at_stop(void (*told)(const StopSignal& stop)) { whom_to_tell = told; }

bool ignored_at_start(int number) {
  return (number == SIGHUP && hangup_ignored) || (number == SIGQUIT && quit_ignored);
}

void note_stop(Errc reason) {
  if (the_stop()) return;
  the_stop() = StopSignal{reason, Clock::now() + kGone};
  tell();
}

void hasten_stop() {
  if (!the_stop()) return;
  the_stop()->until = std::min(the_stop()->until, Clock::now() + kGoneAtOnce);
  tell();
}

Error stop_error(Errc reason) {
  switch (reason) {
    case Errc::terminated:
      return fail(reason, "terminated");
    case Errc::hung_up:
      return fail(reason, "hung up: the terminal or the connection to it was closed");
    case Errc::quit:
      return fail(reason, "quit");
    default:
      return fail(reason, "interrupted");
  }
}

}  // namespace lsend::app
