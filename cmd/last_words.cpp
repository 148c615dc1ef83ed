#include "cmd/last_words.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>

#include "cmd/channel.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {
namespace {

constexpr unsigned kSecondsToSay = 1;

std::string reason() {
  const auto current = std::current_exception();
  if (!current) return "it was ended from inside";
  try {
    std::rethrow_exception(current);
  } catch (const std::exception& failure) {
    return escape_for_terminal(failure.what(), 1024);
  } catch (...) {
    return "an exception of an unknown kind";
  }
}

[[noreturn]] void say_and_abort() {
  // Whoever does not read keeps nobody from ending: abort() may be called by a signal's handler.
  (void)std::signal(SIGALRM, [](int) { std::abort(); });
  (void)alarm(kSecondsToSay);
  Channel err(STDERR_FILENO);
  err.write("lsend: error: this should never happen, please report it: " + reason() + "\n");
  std::abort();
}

}  // namespace

void install_last_words() { std::set_terminate(say_and_abort); }

}  // namespace lsend::cmd
