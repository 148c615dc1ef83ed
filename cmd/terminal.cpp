#include "cmd/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace lsend::cmd {

bool is_dumb(const Environment& environment) {
  const auto term = environment("TERM");
  return !term || *term == "dumb";
}

Environment process_environment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

bool is_terminal(int descriptor) { return isatty(descriptor) == 1; }

bool in_foreground(int descriptor) { return tcgetpgrp(descriptor) == getpgrp(); }

unsigned terminal_width(int descriptor) {
  constexpr unsigned unknown = 80;
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return unknown;
  return size.ws_col;
}

unsigned terminal_height(int descriptor) {
  constexpr unsigned unknown = 24;
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return unknown;
  return size.ws_row;
}

bool use_color(ColorMode mode, bool terminal, const Environment& environment) {
  if (mode != ColorMode::automatic) return mode == ColorMode::always;
  if (environment("NO_COLOR")) return false;
  if (environment("CLICOLOR_FORCE").value_or("0") != "0") return true;
  return terminal && !is_dumb(environment);
}

ProgressMode choose_progress(const Output& output, bool terminal, const Environment& environment) {
  if (output.quiet > 0) return ProgressMode::none;
  if (output.progress != ProgressMode::automatic) return output.progress;
  return terminal && !is_dumb(environment) ? ProgressMode::bar : ProgressMode::plain;
}

}  // namespace lsend::cmd
