#include "lsend/net/http_client.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>

#include "lib/net/client_connection.hpp"
#include "lsend/net/interface_choice.hpp"
#include "lsend/net/tls_stream.hpp"

namespace lsend::net {

namespace {

/// Lets somebody end what is being opened, and takes that back on every way out.
class Abortable {
 public:
  Abortable(Connecting* connecting, std::function<void()> abort) : connecting_(connecting) {
    if (connecting_) connecting_->abort = std::move(abort);
  }
  Abortable(const Abortable&) = delete;
  Abortable& operator=(const Abortable&) = delete;
  ~Abortable() { release(); }
  void release() {
    if (connecting_) connecting_->abort = nullptr;
  }

 private:
  Connecting* connecting_;
};

using asio::ip::tcp;

/// The address that the kernel would take; empty where it knows no way. Nothing is sent.
std::string usual_address(Executor executor, const tcp::endpoint& peer) {
  UdpSocket socket(executor);
  error_code ec;
  const asio::ip::udp::endpoint there(peer.address(), peer.port());
  socket.connect(there, ec);
  if (ec) return {};
  const auto here = socket.local_endpoint(ec);
  return ec ? std::string() : address_text(here.address());
}

/// Where to connect from so that only the interfaces are used that are allowed.
Result<ConnectFrom> allowed_from(Executor executor, const tcp::endpoint& peer,
                                 const std::vector<std::string>& interfaces) {
  const auto all = list_interfaces();
  if (!all) return all.error();
  const auto allowed = choose_interfaces(all->interfaces, interfaces);
  return connect_from(allowed.interfaces, all->interfaces, address_text(peer.address()),
                      usual_address(executor, peer));
}

/// Where the routes lead elsewhere, the packets leave by this interface all the same. What stays on
/// this host passes through none. Kernels before 5.7 want a privilege; then the address has to do.
void leave_by(TcpSocket& socket, const std::string& interface) {
  if (interface.empty()) return;
  (void)::setsockopt(socket.native_handle(), SOL_SOCKET, SO_BINDTODEVICE, interface.data(),
                     static_cast<socklen_t>(interface.size()));
}

/// Binds a socket as the options want it.
Result<> bind_socket(TcpSocket& socket, const tcp::endpoint& peer, const ConnectOptions& options) {
  ConnectFrom from;
  if (!options.interfaces.empty()) {
    auto allowed = allowed_from(socket.get_executor(), peer, options.interfaces);
    if (!allowed) return allowed.error();
    from = std::move(*allowed);
  }
  error_code ec;
  if (!options.local_address.empty()) {
    const auto local = asio::ip::make_address(options.local_address, ec);
    if (!ec && local.is_v4() == peer.address().is_v4()) from.address = options.local_address;
  }
  if (!ec && !from.address.empty()) {
    const int on = 1;
    (void)::setsockopt(socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
                       sizeof(on));
    const auto local = asio::ip::make_address(from.address, ec);
    if (!ec) socket.bind(tcp::endpoint(local, 0), ec);
  }
  if (ec) return fail(Errc::unreachable, ec.message());
  leave_by(socket, from.interface);
  return {};
}

/// A TCP connection, or the reason why there is none.
Task<Result<TcpSocket>> open_socket(const Endpoint& peer, const ConnectOptions& options) {
  const auto executor = co_await asio::this_coro::executor;
  error_code ec;
  const auto address = asio::ip::make_address(peer.host, ec);
  if (ec) co_return fail(Errc::unreachable, "'" + peer.host + "' is no IP address of this network");
  const tcp::endpoint endpoint(address, peer.port);
  TcpSocket socket(executor);
  socket.open(endpoint.protocol(), ec);
  if (ec) co_return fail(Errc::unreachable, "connecting to " + peer.url() + ": " + ec.message());
  const auto bound = bind_socket(socket, endpoint, options);
  if (!bound)
    co_return fail(bound.error().code(),
                   "connecting to " + peer.url() + ": " + bound.error().message());
  TcpLink link(std::move(socket));
  link.limit_total(options.connect_limit);
  Abortable abortable(options.connecting, [&link] { link.abort(); });
  auto [failed] = co_await link.socket().async_connect(endpoint, use_tuple);
  abortable.release();
  if (failed) {
    const auto error = link_error(link, failed, "connecting to " + peer.url());
    // Nobody there is nobody there, whether the network says so or says nothing.
    const bool silent = error.code() == Errc::timed_out;
    co_return silent ? fail(Errc::unreachable, error.message()) : error;
  }
  tune_socket(link.socket(), true);
  co_return link.release();
}

}  // namespace

Task<Result<std::unique_ptr<HttpClient>>> HttpClient::connect(const TlsContext& tls, Endpoint peer,
                                                              ConnectOptions options) {
  const auto until = Clock::now() + options.connect_limit;
  auto* connecting = options.connecting;
  auto socket = co_await open_socket(peer, options);
  if (!socket) co_return socket.error();
  if (peer.scheme == Scheme::http) {
    auto plain = std::make_unique<ClientConnection<PlainStream>>(peer, std::move(options),
                                                                 std::move(*socket));
    plain->stream().link().watch_address();
    co_return std::move(plain);
  }
  const auto pins = options.pins;
  auto client = std::make_unique<ClientConnection<TlsStream>>(
      peer, std::move(options), std::move(*socket), tls, TlsRole::client, pins);
  client->stream().link().watch_address();
  // The two share the limit; what is left may be nothing, which is no limit to the link.
  const auto left = std::chrono::ceil<Duration>(until - Clock::now());
  client->stream().link().limit_total(std::max(left, Duration(1)));
  Abortable abortable(connecting, [raw = client.get()] { raw->abort(); });
  const auto name = peer.url();
  const auto shaken = co_await client->stream().handshake(name);
  abortable.release();
  if (!shaken) co_return shaken.error();
  client->learn_peer();
  co_return std::move(client);
}

}  // namespace lsend::net
