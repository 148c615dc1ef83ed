#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lsend/model/device.hpp"
#include "lsend/model/network.hpp"
#include "lsend/model/result.hpp"
#include "lsend/net/asio.hpp"
#include "lsend/net/event.hpp"
#include "lsend/net/http_head.hpp"
#include "lsend/net/task_group.hpp"
#include "lsend/net/tls_context.hpp"

namespace lsend::net {

class TcpLink;

/// What is known of a connection, also after its end.
class Contact {
 public:
  explicit Contact(const TcpLink& link) : link_(&link) {}

  bool open() const { return link_ != nullptr; }
  TimePoint ended() const { return ended_; }
  /// This side closed it, for want of room or of a request: that its peer has gone is not said.
  bool closed_here() const { return closed_here_; }
  /// It is open, and the peer's host does not answer any more.
  bool silent() const;

  void close_here() { closed_here_ = true; }
  void end(TimePoint now) {
    link_ = nullptr;
    ended_ = now;
  }

 private:
  const TcpLink* link_;
  TimePoint ended_{};
  bool closed_here_ = false;
};

/// An answer. An empty body has no Content-Type. 204 has no body at all.
struct Answer {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> fields;  ///< values of ours only, never a peer's
  bool close = false;

  Answer() = default;
  explicit Answer(unsigned code, std::string text = {}) : status(code), body(std::move(text)) {}
};

/// One request on its way through a handler.
class Exchange {
 public:
  /// Takes a block of a body; what it fails with refuses the request.
  using TakeBlock = std::function<Result<>(std::string_view block)>;

  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  virtual ~Exchange() = default;

  const RequestHead& head() const { return head_; }
  /// The caller's address; what a session is bound to.
  const PeerAddress& peer() const { return peer_; }
  /// What TLS proved of the caller; nothing on plain HTTP or without a (valid) certificate.
  const std::optional<Fingerprint>& peer_fingerprint() const { return fingerprint_; }
  Scheme scheme() const { return scheme_; }

  /// Some bytes of the body; 0 at its end. Sends 100 Continue first where the client waits for it.
  virtual Task<Result<std::size_t>> read_body(std::span<std::byte> buffer) = 0;
  /// Once a request. False when the connection took it no more.
  virtual Task<bool> respond(Answer answer) = 0;
  /// This connection is worth more than a new one: it is not closed to make room.
  virtual void protect() = 0;
  /// Follows this connection to its end and beyond.
  virtual std::shared_ptr<const Contact> contact() const = 0;
  /// The caller's next request may take so long to come, and whether its host is there matters.
  virtual void await_next(Duration limit) = 0;
  /// Completes when the caller goes away while it waits for our answer, or at wake(). What is left
  /// of the body stays unread.
  virtual Task<> until_peer_leaves() = 0;
  /// Makes a pending read_body() fail with Errc::cancelled and ends until_peer_leaves(); the
  /// connection can still answer.
  virtual void wake() = 0;
  /// Ends the connection: what is pending on it fails with Errc::cancelled.
  virtual void abort() = 0;

  /// The whole body; Errc::limit when it is larger.
  Task<Result<std::string>> read_all(std::size_t limit);
  /// The same, a block at a time.
  Task<Result<>> read_blocks(std::size_t limit, TakeBlock take);
  /// The rest of the body has to come within `limit`, whatever moves.
  virtual void limit_body(Duration limit) = 0;

 protected:
  RequestHead head_;
  PeerAddress peer_;
  std::optional<Fingerprint> fingerprint_;
  Scheme scheme_ = Scheme::http;
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  virtual Task<> handle(Exchange& exchange) = 0;
  /// A head that is no request at all: what to answer.
  virtual Answer refuse(const Error& error) = 0;
};

struct ServerLimits {
  std::size_t connections = 512;
  std::size_t per_address = 64;
  Duration handshake = std::chrono::seconds(10);
  Duration head = std::chrono::seconds(10);
  Duration keep_alive = std::chrono::seconds(15);
  Duration body_idle = std::chrono::seconds(30);
};

/// Which protocols one port speaks; with both the first byte tells.
enum class Speaks { https, http_and_https };

/// Where a server listens: at these addresses (IPv6 with its zone where it is link-local), or,
/// without a list, at all that this host has and will have. An empty list waits for listen_at().
using ListenOn = std::optional<std::vector<std::string>>;

/// Accepts on one port for IPv4 and IPv6 and serves each connection in a coroutine.
class HttpServer {
 public:
  HttpServer(Executor executor, const TlsContext& tls, RequestHandler& handler, Speaks speaks,
             ServerLimits limits);
  ~HttpServer();

  /// Binds; port 0 = any free one. The port. Errc::port when it is taken; hosts without IPv6 get
  /// IPv4 only. An address that cannot be used yet is left to listen_at().
  Result<std::uint16_t> listen(std::uint16_t port, const ListenOn& on = std::nullopt);
  /// After listen() with a list: from now on at these addresses and no others. What could not be
  /// opened, a sentence each; the next call tries it again.
  std::vector<std::string> listen_at(const std::vector<std::string>& addresses);
  /// Serves until stop(); then all connections have ended.
  Task<> run();
  /// Accepts no more and ends each connection after its current request.
  void drain();
  void stop();
  std::size_t connections() const { return live_.size(); }

 private:
  template <class Stream>
  friend class Connection;
  /// A connection from its first moment to its last.
  struct Live {
    PeerAddress address;
    std::string network;          ///< as limits count it
    TimePoint since;              ///< of its last event
    bool busy = false;            ///< a request is being handled
    bool protect = false;         ///< by a handler: never closed to make room
    std::function<void()> abort;  ///< whatever it is doing
    std::shared_ptr<Contact> contact;
  };
  class Presence;
  using LiveList = std::list<Live>;

  struct Listening;
  Result<std::uint16_t> listen_everywhere(std::uint16_t port);
  Result<std::uint16_t> listen_only(std::uint16_t port, const std::vector<std::string>& addresses);
  void add(std::string address, TcpAcceptor acceptor);
  Task<> accept_loop(std::shared_ptr<Listening> listening);
  bool start_serving(TcpSocket socket);
  void start_accepting(std::shared_ptr<Listening> listening);
  Task<> serve_connection(TcpSocket socket);
  Task<> serve_accepted(TcpSocket socket);
  Task<> serve_admitted(TcpSocket socket, Live& live);
  Task<> serve_tls(TcpSocket socket, Live& live);
  Task<> serve_plain(TcpSocket socket, Live& live);
  bool admit(const PeerAddress& address);
  bool evict_one(const std::string* network);

  Executor executor_;
  const TlsContext& tls_;
  RequestHandler& handler_;
  Speaks speaks_;
  ServerLimits limits_;
  std::vector<std::shared_ptr<Listening>> listening_;
  std::uint16_t port_ = 0;
  LiveList live_;
  std::unordered_map<std::string, std::size_t> of_network_;  ///< how many of live_
  TaskGroup tasks_;
  Event drained_;  ///< nothing more is accepted
  bool running_ = false;
  bool stopping_ = false;
};

}  // namespace lsend::net
