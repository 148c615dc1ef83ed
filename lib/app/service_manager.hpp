#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lsend/model/time.hpp"

namespace lsend::app {

/// The program that started this one and wants to know how it does: systemd, or who else speaks the
/// protocol of sd_notify(3). That is one datagram to the socket of NOTIFY_SOCKET, promised to stay
/// as it is; libsystemd would bring five more libraries into a program that faces strangers.
class ServiceManager {
 public:
  /// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of the environment:
  /// a command of ours does not speak for us.
  ServiceManager();

  /// `lines` as in sd_notify(3): "READY=1\nSTATUS=...". Never waits, and nothing happens where
  /// nobody wants to know. Text of peers has to be escaped.
  void tell(std::string_view lines) const;
  void reloading() const;
  /// How often "WATCHDOG=1" is due, in time; nothing where nobody waits for it.
  std::optional<Duration> watchdog() const { return watchdog_; }

 private:
  std::string socket_;  ///< empty = nobody
  std::optional<Duration> watchdog_;
};

}  // namespace lsend::app
