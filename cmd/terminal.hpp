#pragma once

#include "cmd/options.hpp"

namespace lsend::cmd {

/// What is known of a descriptor and the terminal behind it.
bool is_terminal(int descriptor);
/// False while another job has the terminal: drawing would stop us or spoil its picture.
bool in_foreground(int descriptor);
/// A terminal on which nothing can be drawn over.
bool is_dumb(const Environment& environment);
/// In columns; 80 when nobody knows.
unsigned terminal_width(int descriptor);
/// In rows; 24 when nobody knows.
unsigned terminal_height(int descriptor);

/// NO_COLOR, CLICOLOR_FORCE and TERM=dumb count for `automatic`, in this order.
bool use_color(ColorMode mode, bool terminal, const Environment& environment);

/// Never gives `automatic`.
ProgressMode choose_progress(const Output& output, bool terminal, const Environment& environment);

}  // namespace lsend::cmd
