#include "cmd/channel.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace lsend::cmd {

void Channel::write(std::string_view text) {
  while (!text.empty() && error_ == 0) {
    const auto bytes = ::write(descriptor_, text.data(), text.size());
    if (bytes >= 0) {
      text.remove_prefix(static_cast<std::size_t>(bytes));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      // Whoever shares the descriptor with us has made it non-blocking.
      pollfd ready{descriptor_, POLLOUT, 0};
      (void)::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
}

}  // namespace lsend::cmd
