#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "lsend/model/ids.hpp"
#include "lsend/model/result.hpp"
#include "lsend/net/asio.hpp"

namespace lsend::net {

struct IoResult {
  error_code ec;
  std::size_t bytes = 0;
};

/// A connected socket with one timer, however many operations run on it: re-arming is storing a
/// time, so that a limit on every chunk costs nothing.
class TcpLink {
 public:
  explicit TcpLink(TcpSocket socket);
  TcpLink(const TcpLink&) = delete;
  TcpLink& operator=(const TcpLink&) = delete;
  ~TcpLink();

  /// Some bytes; 0 with asio::error::eof at the end.
  Task<IoResult> receive(std::span<std::byte> buffer);
  /// All of `bytes`. `bytes` in the result is what the kernel took.
  Task<IoResult> send(std::span<const std::byte> bytes);

  struct Peeked {
    error_code ec;
    std::byte byte{0};
  };
  /// The next byte, which stays in the kernel.
  Task<Peeked> peek();
  /// Waits for the peer to close its side, without reading what it sends. cancel_pending() and
  /// abort() end the wait.
  Task<> until_closed();
  /// Gives the socket away; the link is of no more use.
  TcpSocket release();

  /// Fails pending and later operations when nothing moved for `limit`.
  void limit_idle(Duration limit);
  /// Fails pending and later operations after `limit` from now, whatever moves.
  void limit_total(Duration limit);
  /// As limit_total, but counted anew whenever the peer's host has acknowledged more of what the
  /// kernel still holds: what was handed over need not have left (reliability.md S15).
  void limit_drained(Duration limit);
  void no_limit();
  bool timed_out() const;
  /// Pending and later operations fail with operation_aborted. The socket is closed.
  void abort();
  bool aborted() const { return aborted_; }

  /// Wakes what is pending; the link stays of use.
  void cancel_pending();
  void shutdown_send();

  /// Bytes handed to the kernel that the peer's host has not acknowledged.
  std::size_t unacknowledged() const;
  /// Is the kernel sending again what the peer's host did not acknowledge? A peer that takes
  /// nothing has acknowledged what there was room for.
  bool retransmitting() const;

  /// From now on what is pending also fails, with Errc::unreachable, once this host has lost the
  /// address that the connection is bound to: nothing can come of it any more.
  void watch_address();
  bool address_gone() const;

  /// From now on the kernel asks the peer's host, whenever nothing moves, whether it is there. What
  /// it finds ends no connection: that is up to the limits.
  void watch_host();
  /// The peer's host has not answered for some seconds. Known only after watch_host().
  bool host_is_silent() const;

  /// The shortest round trip that the kernel has seen; nothing where it does not tell.
  std::optional<std::chrono::microseconds> round_trip() const;

  PeerAddress peer_address() const;
  std::string local_address() const;
  TcpSocket& socket() { return socket_; }

 private:
  struct Watch;
  void touch();

  TcpSocket socket_;
  std::shared_ptr<Watch> watch_;
  Timer* closing_ = nullptr;  ///< of until_closed()
  bool aborted_ = false;
};

/// The one place that tells "timed out" from "called off" from "broke": Errc::timed_out,
/// Errc::cancelled, Errc::unreachable. `what` starts the sentence: "sending to 10.0.0.2:53317".
Error link_error(const TcpLink& link, const error_code& ec, const std::string& what);

/// TCP_NODELAY on; on a sender BBR where the host allows it (performance.md 3.7). To a peer on this
/// host cubic instead: nothing is lost there, and BBR's pacing costs a quarter of the sender's CPU;
/// and a small buffer to send from. All other buffer sizes stay the kernel's, so that it can tune
/// them.
void tune_socket(TcpSocket& socket, bool sender);

/// "192.168.1.2", "fe80::1%eth0"; a v4-mapped address as IPv4.
std::string address_text(const asio::ip::address& address);

}  // namespace lsend::net
