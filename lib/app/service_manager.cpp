#include "lib/app/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <ctime>

#include "lsend/storage/unique_fd.hpp"

namespace lsend::app {
namespace {

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value == nullptr ? std::string() : value;
  ::unsetenv(name);
  return text;
}

std::int64_t number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

}  // namespace

ServiceManager::ServiceManager() : socket_(take_variable("NOTIFY_SOCKET")) {
  // "@" stands for the name of an abstract socket.
  const bool usable = socket_.starts_with('/') || socket_.starts_with('@');
  if (!usable || socket_.size() >= sizeof(sockaddr_un::sun_path)) socket_.clear();
  const auto period = std::chrono::microseconds(number(take_variable("WATCHDOG_USEC")));
  const auto meant = take_variable("WATCHDOG_PID");
  if (socket_.empty() || (!meant.empty() && number(meant) != getpid())) return;
  if (period.count() > 0)
    watchdog_ = std::max(Duration(1), std::chrono::duration_cast<Duration>(period / 2));
}

void ServiceManager::tell(std::string_view lines) const {
  if (socket_.empty()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(socket_.begin(), socket_.end(), address.sun_path);
  if (socket_.front() == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const storage::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // A manager that is not there any more is no fault of ours.
  if (socket)
    (void)::sendto(socket.get(), lines.data(), lines.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr*>(&address), size);
}

void ServiceManager::reloading() const {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  constexpr std::int64_t kMillion = 1'000'000;
  const auto microseconds = now.tv_sec * kMillion + now.tv_nsec / 1000;
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

}  // namespace lsend::app
