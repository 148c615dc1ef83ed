#include "lib/app/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "catch.hpp"
#include "lsend/storage/unique_fd.hpp"

using namespace lsend;
using namespace lsend::app;

namespace {

/// A manager with an abstract socket, as containers have.
class Manager {
 public:
  Manager() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // The kernel makes up a name.
    REQUIRE(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) == 0);
    socklen_t size = sizeof(address);
    REQUIRE(getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const auto length = size - offsetof(sockaddr_un, sun_path);
    name_ = "@" + std::string(address.sun_path + 1, length - 1);
  }
  const std::string& name() const { return name_; }
  std::string heard() const {
    std::array<char, 256> block{};
    const auto count = recv(socket_.get(), block.data(), block.size(), 0);
    return count < 0 ? "nothing" : std::string(block.data(), static_cast<std::size_t>(count));
  }

 private:
  storage::UniqueFd socket_;
  std::string name_;
};

void set(const char* name, const std::string& value) { setenv(name, value.c_str(), 1); }

}  // namespace

TEST_CASE("A service manager hears what it is told") {
  const Manager manager;
  set("NOTIFY_SOCKET", manager.name());
  set("WATCHDOG_USEC", "500000");
  const ServiceManager ours;
  CHECK(ours.watchdog() == Duration(250));
  CHECK(std::getenv("NOTIFY_SOCKET") == nullptr);
  CHECK(std::getenv("WATCHDOG_USEC") == nullptr);
  CHECK(manager.heard() == "nothing");
  ours.tell("READY=1\nSTATUS=well");
  CHECK(manager.heard() == "READY=1\nSTATUS=well");
  ours.reloading();
  CHECK(manager.heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  const ServiceManager second;
  second.tell("READY=1");
  CHECK(manager.heard() == "nothing");
}

TEST_CASE("A watchdog for another process, or none, is not ours") {
  const Manager manager;
  const auto period_with = [&](const char* usec, const std::string& pid) {
    set("NOTIFY_SOCKET", manager.name());
    set("WATCHDOG_USEC", usec);
    set("WATCHDOG_PID", pid);
    return ServiceManager().watchdog();
  };
  CHECK(period_with("60000000", std::to_string(getpid())) == Duration(30'000));
  CHECK_FALSE(period_with("60000000", std::to_string(getpid() + 1)).has_value());
  CHECK_FALSE(period_with("0", "").has_value());
  CHECK_FALSE(period_with("soon", "").has_value());
  CHECK_FALSE(period_with("-5", "").has_value());
}

TEST_CASE("Nobody to tell is no fault") {
  for (const auto* name : {"", "relative", "/nowhere/at/all", "@nobody-listens-here"}) {
    set("NOTIFY_SOCKET", name);
    ServiceManager().tell("READY=1");
  }
  set("NOTIFY_SOCKET", "/" + std::string(200, 'x'));
  ServiceManager().tell("READY=1");
  CHECK(std::getenv("NOTIFY_SOCKET") == nullptr);
}
