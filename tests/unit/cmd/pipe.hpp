#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "catch.hpp"

namespace lsend::test {

/// What a channel wrote, without waiting for more.
class Pipe {
 public:
  Pipe() {
    (void)std::signal(SIGPIPE, SIG_IGN);
    REQUIRE(::pipe2(ends_.data(), O_NONBLOCK | O_CLOEXEC) == 0);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_reader();
    ::close(ends_[1]);
  }

  int in() const { return ends_[1]; }
  void close_reader() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }
  std::string read() {
    std::string text;
    std::array<char, 4096> buffer{};
    for (ssize_t bytes = 0; (bytes = ::read(ends_[0], buffer.data(), buffer.size())) > 0;)
      text.append(buffer.data(), static_cast<std::size_t>(bytes));
    return text;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

}  // namespace lsend::test
