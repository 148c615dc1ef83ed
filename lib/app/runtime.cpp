#include "lib/app/runtime.hpp"

#include <csignal>

namespace lsend::app {

namespace {
constexpr Duration kGrace = std::chrono::seconds(2);
}

Runtime::Runtime() : signals_(context_, SIGINT, SIGTERM), force_(executor()) { wait_for_signal(); }

void Runtime::wait_for_signal() {
  signals_.async_wait([this](const net::error_code& ec, int number) {
    if (ec) return;
    if (interrupt_.requested()) {
      context_.stop();
      return;
    }
    wait_for_signal();
    force_.expires_after(kGrace);
    force_.async_wait([this](const net::error_code& cancelled) {
      if (!cancelled) context_.stop();
    });
    interrupt_.request(number == SIGTERM ? Errc::terminated : Errc::interrupted);
  });
}

}  // namespace lsend::app
