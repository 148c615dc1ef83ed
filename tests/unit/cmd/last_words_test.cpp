#include "cmd/last_words.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <stdexcept>

#include "pipe.hpp"

using namespace lsend;

namespace {

void throw_it(const std::string& text) {
  if (text.empty()) std::terminate();
  throw std::runtime_error(text);
}

void throw_where_none_may(const std::string& text) noexcept { throw_it(text); }

/// What a child that ends like this says, and how it ends.
std::pair<int, std::string> last_words_of(const std::string& text, bool unread = false) {
  test::Pipe pipe;
  const std::string block(4096, 'x');
  while (unread && ::write(pipe.in(), block.data(), block.size()) > 0) continue;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit none{};
    setrlimit(RLIMIT_CORE, &none);
    // The test runner's own handlers would speak first.
    std::signal(SIGABRT, SIG_DFL);
    dup2(pipe.in(), STDERR_FILENO);
    cmd::install_last_words();
    throw_where_none_may(text);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return {WIFSIGNALED(status) ? WTERMSIG(status) : 0, pipe.read()};
}

}  // namespace

TEST_CASE("Nobody has to read the last words") {
  CHECK(last_words_of("bad", true).first == SIGABRT);
}

TEST_CASE("What nobody catches is told, and the process aborts") {
  const auto [signal, text] = last_words_of("bad\x1b[31m");
  CHECK(signal == SIGABRT);
  CHECK(text == "lsend: error: this should never happen, please report it: bad\\x1B[31m\n");
  CHECK(last_words_of("").second ==
        "lsend: error: this should never happen, please report it: it was ended from inside\n");
}
