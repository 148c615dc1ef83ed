#include "lsend/net/tcp_link.hpp"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <string_view>

#include "round_trip.hpp"

namespace lsend::net {

namespace {

constexpr Duration kLeastLook{100};
/// What waits between two ends on one host stays in the cache. Half of it is too little: both ends
/// sleep more often (tests/bench/README.md).
constexpr int kSendBufferWithin = 128 * 1024;

/// An address that is renewed may be gone for a moment. Later than the peer finds out that nobody
/// answers there (kAskAfter): it knows us by our certificate then.
constexpr Duration kLookForAddress = std::chrono::seconds(1);
constexpr Duration kWithoutAddress = std::chrono::seconds(3);
/// Seconds, and milliseconds.
constexpr int kAskAfter = 2;
constexpr int kAskEvery = 1;
constexpr int kNeverByItself = 24 * 3600 * 1000;

std::size_t unacknowledged_in(TcpSocket& socket) {
  int bytes = 0;
  return ::ioctl(socket.native_handle(), SIOCOUTQ, &bytes) == 0 && bytes > 0
             ? static_cast<std::size_t>(bytes)
             : 0;
}

/// Whether a socket could be bound to it now.
bool is_own(const asio::ip::address& address) {
  const asio::ip::udp::endpoint any_port(address, 0);
  const int probe = ::socket(any_port.protocol().family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return true;
  const bool bound =
      ::bind(probe, any_port.data(), static_cast<socklen_t>(any_port.size())) == 0 ||
      errno != EADDRNOTAVAIL;
  ::close(probe);
  return bound;
}

bool is_within_host(const TcpSocket& socket) {
  error_code no_peer;
  error_code no_name;
  const auto peer = socket.remote_endpoint(no_peer).address();
  const auto here = socket.local_endpoint(no_name).address();
  return !no_peer && !no_name && (peer.is_loopback() || peer == here);
}

}  // namespace

/// Shared with the timer's handler, which may run once more after the link has gone.
struct TcpLink::Watch : std::enable_shared_from_this<TcpLink::Watch> {
  Watch(Executor executor, TcpSocket& socket) : timer(executor), socket_(&socket) {}

  void set(TimePoint when) {
    limit = when;
    // A later limit is found by the handler when the armed one fires.
    if (limit == TimePoint::max() || (armed && timer.expiry() <= limit)) return;
    timer.expires_at(address ? std::min(limit, Clock::now() + kLookForAddress) : limit);
    arm();
  }

  void arm() {
    armed = true;
    timer.async_wait([self = shared_from_this()](const error_code& ec) {
      if (ec || !self->socket_) return;
      self->armed = false;
      if (self->limit == TimePoint::max()) return;
      const auto now = Clock::now();
      if (self->draining > Duration::zero()) self->look_at_queue(now);
      self->look_for_address(now);
      if (now < self->limit && !self->address_gone) {
        self->timer.expires_at(self->next_look(now));
        self->arm();
        return;
      }
      self->expired = !self->address_gone;
      error_code ignored;
      self->socket_->cancel(ignored);
    });
  }

  void look_at_queue(TimePoint now) {
    const auto left = unacknowledged_in(*socket_);
    if (left < queue) limit = now + draining;
    queue = left;
  }

  TimePoint next_look(TimePoint now) const {
    auto next = draining > Duration::zero() ? std::min(limit, now + look_every()) : limit;
    return address ? std::min(next, now + kLookForAddress) : next;
  }
  void look_for_address(TimePoint now) {
    if (!address) return;
    if (is_own(*address))
      missed_since.reset();
    else if (!missed_since)
      missed_since = now;
    address_gone = missed_since && now - *missed_since >= kWithoutAddress;
  }
  Duration look_every() const { return std::max(draining / 8, kLeastLook); }

  Timer timer;
  TcpSocket* socket_;
  Duration draining{0};  ///< what the limit becomes whenever the queue has fallen
  std::size_t queue = 0;
  TimePoint limit = TimePoint::max();
  Duration idle{0};
  std::optional<asio::ip::address> address;  ///< ours, where that matters
  std::optional<TimePoint> missed_since;
  bool address_gone = false;
  bool armed = false;
  bool expired = false;
};

TcpLink::TcpLink(TcpSocket socket)
    : socket_(std::move(socket)),
      watch_(std::make_shared<Watch>(socket_.get_executor(), socket_)) {}

TcpLink::~TcpLink() {
  watch_->socket_ = nullptr;
  watch_->timer.cancel();
}

Task<IoResult> TcpLink::receive(std::span<std::byte> buffer) {
  IoResult result;
  if (watch_->expired || watch_->address_gone || aborted_) {
    result.ec = asio::error::operation_aborted;
    co_return result;
  }
  touch();
  auto [ec, bytes] =
      co_await socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()), use_tuple);
  touch();
  result.ec = ec;
  result.bytes = bytes;
  co_return result;
}

Task<IoResult> TcpLink::send(std::span<const std::byte> bytes) {
  IoResult result;
  while (result.bytes < bytes.size()) {
    if (watch_->expired || watch_->address_gone || aborted_) {
      result.ec = asio::error::operation_aborted;
      co_return result;
    }
    touch();
    const auto rest = bytes.subspan(result.bytes);
    auto [ec, sent] =
        co_await socket_.async_write_some(asio::buffer(rest.data(), rest.size()), use_tuple);
    result.bytes += sent;
    if (ec) {
      result.ec = ec;
      co_return result;
    }
  }
  touch();
  co_return result;
}

Task<TcpLink::Peeked> TcpLink::peek() {
  Peeked peeked;
  auto [ec] = co_await socket_.async_wait(TcpSocket::wait_read, use_tuple);
  peeked.ec = ec;
  if (ec) co_return peeked;
  const auto bytes = ::recv(socket_.native_handle(), &peeked.byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (bytes != 1) peeked.ec = asio::error::eof;
  co_return peeked;
}

Task<> TcpLink::until_closed() {
  // Asio's wait for errors does not see a FIN behind unread bytes, POLLRDHUP does.
  constexpr Duration kLookEvery{200};
  Timer timer(socket_.get_executor());
  closing_ = &timer;
  while (!aborted_) {
    pollfd look{socket_.native_handle(), POLLRDHUP, 0};
    if (::poll(&look, 1, 0) != 0) break;
    timer.expires_after(kLookEvery);
    auto [ec] = co_await timer.async_wait(use_tuple);
    if (ec) break;
  }
  closing_ = nullptr;
}

TcpSocket TcpLink::release() {
  watch_->socket_ = nullptr;
  watch_->timer.cancel();
  return std::move(socket_);
}

void TcpLink::touch() {
  if (watch_->idle > Duration::zero()) watch_->set(Clock::now() + watch_->idle);
}

void TcpLink::limit_idle(Duration limit) {
  watch_->expired = false;
  watch_->draining = Duration::zero();
  watch_->idle = limit;
  touch();
}

void TcpLink::limit_total(Duration limit) {
  watch_->expired = false;
  watch_->draining = Duration::zero();
  watch_->idle = Duration::zero();
  watch_->set(Clock::now() + limit);
}

void TcpLink::limit_drained(Duration limit) {
  const auto now = Clock::now();
  watch_->expired = false;
  watch_->idle = Duration::zero();
  watch_->draining = limit;
  watch_->queue = unacknowledged();
  watch_->set(std::min(now + limit, now + watch_->look_every()));
  watch_->limit = now + limit;
}

void TcpLink::no_limit() {
  watch_->expired = false;
  watch_->draining = Duration::zero();
  watch_->idle = Duration::zero();
  watch_->set(TimePoint::max());
}

bool TcpLink::timed_out() const { return watch_->expired; }

void TcpLink::abort() {
  aborted_ = true;
  if (closing_) closing_->cancel();
  error_code ignored;
  socket_.close(ignored);
}

void TcpLink::cancel_pending() {
  if (closing_) closing_->cancel();
  error_code ignored;
  socket_.cancel(ignored);
}

void TcpLink::shutdown_send() {
  error_code ignored;
  socket_.shutdown(TcpSocket::shutdown_send, ignored);
}

std::size_t TcpLink::unacknowledged() const {
  return unacknowledged_in(const_cast<TcpSocket&>(socket_));
}

bool TcpLink::retransmitting() const {
  tcp_info info{};
  socklen_t size = sizeof(info);
  auto& socket = const_cast<TcpSocket&>(socket_);
  return ::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
         info.tcpi_state == TCP_ESTABLISHED && info.tcpi_retransmits > 0;
}

void TcpLink::watch_address() {
  error_code ec;
  const auto endpoint = socket_.local_endpoint(ec);
  if (!ec) watch_->address = endpoint.address();
}

bool TcpLink::address_gone() const { return watch_->address_gone; }

void TcpLink::watch_host() {
  const auto set = [this](int level, int option, int value) {
    (void)::setsockopt(socket_.native_handle(), level, option, &value, sizeof(value));
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kAskAfter);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kAskEvery);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, kNeverByItself);
}

bool TcpLink::host_is_silent() const {
  constexpr unsigned kUnanswered = 2;
  tcp_info info{};
  socklen_t size = sizeof(info);
  auto& socket = const_cast<TcpSocket&>(socket_);
  return ::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
         info.tcpi_state == TCP_ESTABLISHED &&
         (info.tcpi_probes >= kUnanswered || info.tcpi_retransmits >= kUnanswered);
}

std::optional<std::chrono::microseconds> TcpLink::round_trip() const {
  return least_round_trip(const_cast<TcpSocket&>(socket_).native_handle());
}

PeerAddress TcpLink::peer_address() const {
  error_code ec;
  const auto endpoint = socket_.remote_endpoint(ec);
  return PeerAddress(ec ? std::string() : address_text(endpoint.address()));
}

std::string TcpLink::local_address() const {
  error_code ec;
  const auto endpoint = socket_.local_endpoint(ec);
  return ec ? std::string() : address_text(endpoint.address());
}

Error link_error(const TcpLink& link, const error_code& ec, const std::string& what) {
  if (link.timed_out())
    return fail(Errc::timed_out,
                what + ": nothing moved within the time limit" +
                    (link.retransmitting() ? "; packets get lost on the way: a cable, a firewall, "
                                             "or a path MTU that is smaller than ours"
                                           : ""));
  if (link.address_gone())
    return fail(Errc::unreachable, what + ": this device has lost the address that it sent from");
  if (link.aborted() || ec == asio::error::operation_aborted)
    return fail(Errc::cancelled, what + ": called off");
  if (ec == asio::error::no_permission)
    return fail(Errc::identity, what + ": the peer does not accept this device's certificate");
  if (ec == asio::error::eof)
    return fail(Errc::unreachable, what + ": the peer closed the connection");
  return fail(Errc::unreachable, what + ": " + ec.message());
}

void tune_socket(TcpSocket& socket, bool sender) {
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (!sender) return;
  const bool within = is_within_host(socket);
  if (within) socket.set_option(asio::socket_base::send_buffer_size(kSendBufferWithin), ignored);
  const std::string_view control = within ? "cubic" : "bbr";
  (void)::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_CONGESTION, control.data(),
                     static_cast<socklen_t>(control.size()));
}

std::string address_text(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

}  // namespace lsend::net
