#include "lsend/net/http_server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>

#include "lib/net/server_connection.hpp"
#include "lsend/model/log.hpp"
#include "lsend/net/port_holder.hpp"
#include "lsend/net/tls_stream.hpp"

namespace lsend::net {

namespace {

constexpr Duration kJsonTime = std::chrono::seconds(15);
constexpr Duration kJsonSilence = std::chrono::seconds(30);
constexpr std::size_t kJsonBytesPerSecond = 64 * 1024;

}  // namespace

bool Contact::silent() const { return link_ && link_->host_is_silent(); }

Task<Result<std::string>> Exchange::read_all(std::size_t limit) {
  std::string text;
  TakeBlock append = [&text](std::string_view block) {
    text.append(block);
    return Result<>();
  };
  const auto read = co_await read_blocks(limit, std::move(append));
  if (!read) co_return read.error();
  co_return text;
}

Task<Result<>> Exchange::read_blocks(std::size_t limit, TakeBlock take) {
  if (head_.framing.content_length.value_or(0) > limit)
    co_return fail(Errc::limit, "a request body is over its limit");
  // A request that drips in holds memory: what has come bounds its time, not what was announced.
  const auto started = Clock::now();
  limit_body(kJsonTime);
  std::size_t come = 0;
  std::vector<std::byte> buffer(16 * 1024);
  while (true) {
    const auto bytes = co_await read_body(buffer);
    if (!bytes) co_return bytes.error();
    if (*bytes == 0) co_return Result<>();
    come += *bytes;
    if (come > limit) co_return fail(Errc::limit, "a request body is over its limit");
    const auto taken = take(std::string_view(reinterpret_cast<const char*>(buffer.data()), *bytes));
    if (!taken) co_return taken;
    const auto earned = kJsonTime + std::chrono::seconds(come / kJsonBytesPerSecond);
    const auto spent = std::chrono::duration_cast<Duration>(Clock::now() - started);
    limit_body(std::clamp(earned - spent, Duration{0}, kJsonSilence));
  }
}

HttpServer::HttpServer(Executor executor, const TlsContext& tls, RequestHandler& handler,
                       Speaks speaks, ServerLimits limits)
    : executor_(executor),
      tls_(tls),
      handler_(handler),
      speaks_(speaks),
      limits_(limits),
      tasks_(executor),
      drained_(executor) {}

HttpServer::~HttpServer() = default;

namespace {

error_code open_acceptor(TcpAcceptor& acceptor, const asio::ip::tcp::endpoint& endpoint) {
  error_code ec;
  acceptor.open(endpoint.protocol(), ec);
  if (ec) return ec;
  acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (endpoint.protocol() == asio::ip::tcp::v6()) acceptor.set_option(asio::ip::v6_only(true), ec);
  acceptor.bind(endpoint, ec);
  if (ec) return ec;
  acceptor.listen(asio::socket_base::max_listen_connections, ec);
  return ec;
}

std::string holder_of(const error_code& ec, std::uint16_t port) {
  if (ec != asio::error::address_in_use) return {};
  return held_by(port_holders(Transport::tcp, port));
}

}  // namespace

/// One address that is listened on.
struct HttpServer::Listening {
  std::string address;  ///< empty: all of a family
  TcpAcceptor acceptor;
};

namespace {

Error cannot_listen(std::uint16_t port, const std::string& where, const error_code& ec) {
  return fail(Errc::port, "cannot listen on TCP port " + std::to_string(port) + where + ": " +
                              ec.message() + holder_of(ec, port) +
                              "; choose another one with --port");
}

/// This host lacks the address, for now or for good.
bool is_absent(const error_code& ec) {
  return ec == asio::error::address_family_not_supported ||
         ec == boost::system::errc::address_not_available ||
         ec == boost::system::errc::no_such_device;
}

/// A port that nobody has at any address at this moment; 0 when there is none.
std::uint16_t free_port(Executor executor) {
  TcpAcceptor acceptor(executor);
  const asio::ip::tcp::endpoint any(asio::ip::address_v4::any(), 0);
  error_code ec = open_acceptor(acceptor, any);
  const auto bound = ec ? any : acceptor.local_endpoint(ec);
  return ec ? 0 : bound.port();
}

}  // namespace

Result<std::uint16_t> HttpServer::listen(std::uint16_t port, const ListenOn& on) {
  auto bound = on ? listen_only(port, *on) : listen_everywhere(port);
  if (bound) port_ = *bound;
  return bound;
}

void HttpServer::add(std::string address, TcpAcceptor acceptor) {
  auto listening =
      std::make_shared<Listening>(Listening{std::move(address), std::move(acceptor)});
  listening_.push_back(listening);
  if (running_) start_accepting(listening);
}

Result<std::uint16_t> HttpServer::listen_everywhere(std::uint16_t port) {
  using asio::ip::tcp;
  TcpAcceptor first(executor_);
  if (const auto ec = open_acceptor(first, tcp::endpoint(asio::ip::address_v4::any(), port)))
    return cannot_listen(port, "", ec);
  error_code ec;
  const auto bound = first.local_endpoint(ec).port();
  add({}, std::move(first));
  TcpAcceptor second(executor_);
  const auto failed = open_acceptor(second, tcp::endpoint(asio::ip::address_v6::any(), bound));
  if (!failed)
    add({}, std::move(second));
  else if (failed == asio::error::address_in_use)
    return cannot_listen(bound, " for IPv6", failed);
  return bound;
}

Result<std::uint16_t> HttpServer::listen_only(std::uint16_t port,
                                              const std::vector<std::string>& addresses) {
  // A port that is free at one address may be taken at the next one.
  constexpr int kTries = 8;
  for (int tries = port == 0 ? kTries : 1;; --tries) {
    const auto wanted = port == 0 ? free_port(executor_) : port;
    error_code failed;
    for (const auto& text : addresses) {
      const auto address = asio::ip::make_address(text, failed);
      TcpAcceptor acceptor(executor_);
      if (!failed)
        failed = open_acceptor(acceptor, asio::ip::tcp::endpoint(address, wanted));
      if (failed && !is_absent(failed)) {
        listening_.clear();
        if (tries > 1) break;
        return cannot_listen(wanted, " of " + text, failed);
      }
      if (!failed) add(text, std::move(acceptor));
      failed.clear();
    }
    if (!failed) return wanted;
  }
}

std::vector<std::string> HttpServer::listen_at(const std::vector<std::string>& addresses) {
  std::vector<std::string> problems;
  if (stopping_) return problems;
  std::erase_if(listening_, [&](const auto& listening) {
    if (std::find(addresses.begin(), addresses.end(), listening->address) != addresses.end())
      return false;
    error_code ignored;
    listening->acceptor.close(ignored);
    log(LogLevel::info, "no longer listening at " + listening->address);
    return true;
  });
  for (const auto& text : addresses) {
    const bool have = std::any_of(listening_.begin(), listening_.end(),
                                  [&](const auto& other) { return other->address == text; });
    if (have) continue;
    error_code ec;
    const auto address = asio::ip::make_address(text, ec);
    TcpAcceptor acceptor(executor_);
    if (!ec) ec = open_acceptor(acceptor, asio::ip::tcp::endpoint(address, port_));
    if (!ec) {
      log(LogLevel::info, "listening at " + text + ", too");
      add(text, std::move(acceptor));
    } else if (!is_absent(ec)) {
      problems.push_back(cannot_listen(port_, " of " + text, ec).message());
    }
  }
  return problems;
}

Task<> HttpServer::run() {
  running_ = true;
  for (const auto& listening : listening_) start_accepting(listening);
  co_await drained_.wait();
  co_await tasks_.join();
}

void HttpServer::drain() {
  stopping_ = true;
  error_code ignored;
  for (const auto& listening : listening_) listening->acceptor.close(ignored);
  drained_.set();
  for (auto& live : live_)
    if (!live.busy && live.abort) live.abort();
}

void HttpServer::stop() {
  drain();
  for (auto& live : live_)
    if (live.abort) live.abort();
}

/// Without it nobody hears of us any more: it goes on whatever is thrown.
void HttpServer::start_accepting(std::shared_ptr<Listening> listening) {
  tasks_.spawn(keep_running("listening", [this, listening] { return accept_loop(listening); }));
}

Task<> HttpServer::accept_loop(std::shared_ptr<Listening> listening) {
  constexpr Duration kBackOff{100};
  auto& acceptor = listening->acceptor;
  while (!stopping_ && acceptor.is_open()) {
    auto [ec, socket] = co_await acceptor.async_accept(use_tuple);
    if (stopping_ || !acceptor.is_open()) co_return;
    if (ec) {
      // Out of descriptors, or the caller has gone again: neither is a reason to stop, nor to spin.
      log_refusal("listener", "a connection could not be taken: " + ec.message(), Clock::now());
      const bool slept = co_await sleep_for(kBackOff);
      if (!slept) co_return;
      continue;
    }
    const bool served = start_serving(std::move(socket));
    if (served) continue;
    const bool slept = co_await sleep_for(kBackOff);
    if (!slept) co_return;
  }
}

/// False when there is no memory for one more: its socket is closed, and the others go on.
bool HttpServer::start_serving(TcpSocket socket) {
  try {
    tasks_.spawn(serve_connection(std::move(socket)));
    return true;
  } catch (const std::exception& failure) {
    log_failure("listener", std::string("a connection could not be served: ") + failure.what(),
                Clock::now());
  }
  return false;
}

/// Makes room for one more connection: of the same network first, then of all (reliability.md 4.1).
/// False when every connection there is worth more than a new one.
bool HttpServer::admit(const PeerAddress& address) {
  const auto network = counted_network(address);
  const auto counted = of_network_.find(network);
  const bool many = counted != of_network_.end() && counted->second >= limits_.per_address;
  if (many && !evict_one(&network)) return false;
  return live_.size() < limits_.connections || evict_one(nullptr);
}

/// Closes the connection that has waited longest, one without a request first.
bool HttpServer::evict_one(const std::string* network) {
  auto chosen = live_.end();
  for (auto live = live_.begin(); live != live_.end(); ++live) {
    if (live->protect || !live->abort || (network && live->network != *network)) continue;
    const bool better = chosen == live_.end() || (chosen->busy && !live->busy) ||
                        (chosen->busy == live->busy && live->since < chosen->since);
    if (better) chosen = live;
  }
  if (chosen == live_.end()) return false;
  const auto abort = std::exchange(chosen->abort, nullptr);
  if (chosen->contact) chosen->contact->close_here();
  abort();
  return true;
}

/// The entry of a connection in the list, for as long as it is served.
class HttpServer::Presence {
 public:
  Presence(HttpServer& server, PeerAddress address)
      : server_(server), place_(server.live_.insert(server.live_.end(), Live())) {
    place_->network = counted_network(address);
    place_->address = std::move(address);
    place_->since = Clock::now();
    ++server_.of_network_[place_->network];
  }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  ~Presence() {
    const auto counted = server_.of_network_.find(place_->network);
    if (--counted->second == 0) server_.of_network_.erase(counted);
    server_.live_.erase(place_);
  }
  Live& live() { return *place_; }

 private:
  HttpServer& server_;
  LiveList::iterator place_;
};

/// Nothing that a peer does may end the process: the barrier of each connection.
Task<> HttpServer::serve_connection(TcpSocket socket) {
  try {
    co_await serve_accepted(std::move(socket));
  } catch (const std::exception& failure) {
    // The connection is closed by its destructor; a cancellation ends here as well.
    if (!is_cancellation(std::current_exception()))
      log_failure("listener", failure.what(), Clock::now());
  }
}

Task<> HttpServer::serve_accepted(TcpSocket socket) {
  tune_socket(socket, false);
  error_code ec;
  const auto remote = socket.remote_endpoint(ec);
  if (ec) co_return;
  const PeerAddress address(address_text(remote.address()));
  const bool admitted = admit(address);
  if (!admitted) {
    log_refusal(address.str(), "connection closed: too many are open", Clock::now());
    co_return;
  }
  Presence presence(*this, address);
  try {
    co_await serve_admitted(std::move(socket), presence.live());
  } catch (const std::exception& failure) {
    if (!is_cancellation(std::current_exception()))
      failed_inside(address, "a connection", failure.what());
  }
}

Task<> HttpServer::serve_admitted(TcpSocket socket, Live& live) {
  bool tls = true;
  if (speaks_ == Speaks::http_and_https) {
    TcpLink link(std::move(socket));
    live.abort = [&link] { link.abort(); };
    link.limit_total(limits_.handshake);
    const auto first = co_await link.peek();
    live.abort = nullptr;
    if (first.ec || link.aborted()) co_return;
    tls = first.byte == std::byte{0x16};
    socket = link.release();
  }
  if (stopping_) co_return;
  if (tls)
    co_await serve_tls(std::move(socket), live);
  else
    co_await serve_plain(std::move(socket), live);
}

Task<> HttpServer::serve_tls(TcpSocket socket, Live& live) {
  auto connection = std::make_unique<Connection<TlsStream>>(
      *this, live, Scheme::https, std::move(socket), tls_, TlsRole::server);
  connection->stream().link().limit_total(limits_.handshake);
  const std::string peer = connection->peer().str();
  const auto shaken = co_await connection->stream().handshake(peer);
  if (!shaken) {
    log_refusal(peer, "no TLS: " + shaken.error().message(), Clock::now());
    co_return;
  }
  co_await connection->serve();
}

Task<> HttpServer::serve_plain(TcpSocket socket, Live& live) {
  auto connection =
      std::make_unique<Connection<PlainStream>>(*this, live, Scheme::http, std::move(socket));
  co_await connection->serve();
}

}  // namespace lsend::net
