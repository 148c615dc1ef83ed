#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lsend/model/ids.hpp"
#include "lsend/model/result.hpp"
#include "lsend/net/asio.hpp"
#include "lsend/net/interfaces.hpp"
#include "lsend/net/task_group.hpp"

namespace lsend::net {

struct Datagram {
  std::string_view text;
  PeerAddress from;  ///< with the IPv6 zone
  unsigned interface_index = 0;
};

struct MulticastGroup {
  std::string address;  ///< IPv4 or IPv6 multicast
  std::uint16_t port;
};

/// The multicast sockets, one an interface and group: each hears what comes to its group by its own
/// interface and nothing else, and sends there whatever the routes say (protocol.md trap 8). The
/// port is shared with other programs of this host.
class Multicast {
 public:
  /// False when the datagram was one too many: then the socket rests for a moment, so that a flood
  /// costs the kernel's time and not ours.
  using Receiver = std::function<bool(const Datagram&)>;

  /// Errc::usage for a group that is no multicast address.
  static Result<std::unique_ptr<Multicast>> make(Executor executor,
                                                 const std::vector<std::string>& groups,
                                                 std::uint16_t port, Receiver receiver);

  /// Opens sockets for interfaces that are new and closes those of interfaces that went; of a
  /// narrowed interface it sends from an address that is left. What failed, a sentence each; the
  /// others work all the same. True in `changed` when something came.
  struct Update {
    std::vector<std::string> problems;
    bool changed = false;
  };
  Update update(const std::vector<Interface>& interfaces);

  /// Sends on every socket; how many took it.
  std::size_t send(std::string_view text);
  std::size_t sockets() const { return members_.size(); }
  void stop();
  /// Completes after stop(), when no receive loop is left.
  Task<> join();

 private:
  struct Member;
  Multicast(Executor executor, std::vector<asio::ip::udp::endpoint> groups, Receiver receiver);
  Task<> receive_loop(std::shared_ptr<Member> member);

  Executor executor_;
  std::vector<asio::ip::udp::endpoint> groups_;
  Receiver receiver_;
  std::vector<std::shared_ptr<Member>> members_;
  TaskGroup loops_;
  bool stopped_ = false;
};

}  // namespace lsend::net
