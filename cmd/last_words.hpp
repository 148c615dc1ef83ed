#pragma once

namespace lsend::cmd {

/// An exception that nobody can catch any more is told on standard error before the process aborts,
/// so that who started it (systemd, a script) sees a crash and can tell why.
void install_last_words();

}  // namespace lsend::cmd
