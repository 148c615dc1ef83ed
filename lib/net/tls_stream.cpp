#include "lsend/net/tls_stream.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <string_view>

namespace lsend::net {

namespace {

// Room for six whole records each way: with less than two the batching is lost (performance.md 2),
// with more the receiver runs dry more often and waking it costs the sender (tests/bench/README).
constexpr std::size_t kRecord = 16'406;
constexpr std::size_t kBioSize = 6 * kRecord;

// What an HTTP server says to a handshake begins so.
constexpr std::string_view kHttp = "HTTP/";

/// Did the peer say, after the handshake as TLS 1.3 has it, that our certificate will not do?
bool is_certificate_alert(unsigned long error) {
  switch (ERR_GET_REASON(error)) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

}  // namespace

void TlsStream::Free::operator()(SSL* ssl) const { SSL_free(ssl); }
void TlsStream::Free::operator()(BIO* bio) const { BIO_free(bio); }

TlsStream::TlsStream(TcpSocket socket, const TlsContext& context, TlsRole role,
                     std::vector<Fingerprint> pins)
    : link_(std::move(socket)),
      ssl_(SSL_new(role == TlsRole::client ? context.client() : context.server())),
      flushed_(link_.socket().get_executor()) {
  BIO* inner = nullptr;
  BIO* network = nullptr;
  if (!ssl_ || BIO_new_bio_pair(&inner, kBioSize, &network, kBioSize) != 1) throw std::bad_alloc();
  network_.reset(network);
  SSL_set_bio(ssl_.get(), inner, inner);
  flushed_.expires_at(TimePoint::max());
  if (!pins.empty()) {
    pin_.emplace().expected = std::move(pins);
    pin_peer(ssl_.get(), &*pin_);
  }
  if (role == TlsRole::client)
    SSL_set_connect_state(ssl_.get());
  else
    SSL_set_accept_state(ssl_.get());
}

Task<Result<>> TlsStream::handshake(const std::string& peer_name) {
  while (true) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    const int error = SSL_get_error(ssl_.get(), result);
    const auto reason = ERR_peek_last_error();
    // An alert or the last flight has to leave whatever the outcome was.
    const auto sent = co_await push();
    if (result == 1) {
      if (sent) co_return handshake_error(sent, reason, peer_name);
      learn_peer();
      co_return Result<>();
    }
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
      co_return handshake_error(error_code(), reason, peer_name);
    if (sent) co_return handshake_error(sent, reason, peer_name);
    if (error == SSL_ERROR_WANT_WRITE) continue;
    const auto received = co_await fill();
    if (received) co_return handshake_error(received, reason, peer_name);
  }
}

Error TlsStream::handshake_error(const error_code& ec, unsigned long code,
                                 const std::string& peer_name) const {
  const std::string what = "TLS handshake with " + peer_name;
  if (ec) {
    // Somebody accepted the connection and broke it off: a plain HTTP server, or a peer that died.
    const auto error = link_error(link_, ec, what);
    // Certificates are the first packets of full size.
    if (error.code() == Errc::timed_out && !link_.retransmitting())
      return fail(Errc::timed_out, error.message() +
                                       "; it answers nothing, or its larger packets get lost on "
                                       "the way (path MTU)");
    return error.code() == Errc::unreachable ? fail(Errc::handshake, error.message()) : error;
  }
  if (beginning_ == kHttp)
    return fail(Errc::plain_http, what + " failed: it speaks plain HTTP there");
  if (pin_ && SSL_get_verify_result(ssl_.get()) == X509_V_ERR_CERT_REJECTED)
    return fail(Errc::identity, what + ": its certificate has the fingerprint " +
                                    pin_->refused.str() + ", not the expected one (" +
                                    pin_->expected.front().brief() + "...); nothing was sent");
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  return fail(Errc::identity, what + " failed: " + (reason ? reason : "no common TLS version"));
}

void TlsStream::learn_peer() {
  X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (!certificate) return;
  weak_ = is_weak(certificate);
  if (!weak_ && is_in_force(certificate)) peer_ = fingerprint_of(certificate);
}

bool TlsStream::wants_flush() const {
  return !flushing_ && (!held_.empty() || BIO_ctrl_pending(network_.get()) > 0);
}

/// Ends a flush on every way out, also when the coroutine is cancelled.
struct TlsStream::FlushEnd {
  TlsStream& stream;
  ~FlushEnd() {
    stream.flushing_ = false;
    stream.flushed_.cancel();
  }
};

Task<error_code> TlsStream::flush() {
  if (!held_.empty()) {
    const auto encrypted = co_await encrypt_held();
    if (encrypted) co_return encrypted;
  }
  const auto ec = co_await push();
  co_return ec;
}

Task<error_code> TlsStream::push() {
  // One flusher a stream: a second one would send the same bytes again. Whoever flushes goes on
  // until nothing is left, so waiting for it is enough.
  while (flushing_) {
    flushed_.expires_at(TimePoint::max());
    co_await flushed_.async_wait(use_tuple);
    if (link_.aborted() || link_.timed_out()) co_return asio::error::operation_aborted;
  }
  flushing_ = true;
  FlushEnd end{*this};
  char* data = nullptr;
  for (int size = 0; (size = BIO_nread0(network_.get(), &data)) > 0;) {
    const auto bytes = std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
    const auto sent = co_await link_.send(bytes);
    BIO_nread(network_.get(), &data, static_cast<int>(sent.bytes));
    if (sent.ec) co_return sent.ec;
  }
  co_return error_code();
}

Task<error_code> TlsStream::fill() {
  char* data = nullptr;
  const int room = BIO_nwrite0(network_.get(), &data);
  if (room <= 0) co_return asio::error::no_buffer_space;
  const auto buffer = std::as_writable_bytes(std::span(data, static_cast<std::size_t>(room)));
  const auto received = co_await link_.receive(buffer);
  note_beginning(buffer.first(received.bytes));
  if (received.bytes > 0) BIO_nwrite(network_.get(), &data, static_cast<int>(received.bytes));
  co_return received.ec;
}

void TlsStream::note_beginning(std::span<const std::byte> bytes) {
  const auto room = kHttp.size() - std::min(kHttp.size(), beginning_.size());
  const auto more = bytes.first(std::min(room, bytes.size()));
  beginning_.append(reinterpret_cast<const char*>(more.data()), more.size());
}

Task<IoResult> TlsStream::read_some(std::span<std::byte> buffer) {
  IoResult result;
  if (buffer.empty()) co_return result;
  while (true) {
    ERR_clear_error();
    std::size_t bytes = 0;
    int ok = 1;
    while (result.bytes < buffer.size()) {
      const auto rest = buffer.subspan(result.bytes);
      ok = SSL_read_ex(ssl_.get(), rest.data(), rest.size(), &bytes);
      if (ok != 1) break;
      result.bytes += bytes;
    }
    if (result.bytes > 0) co_return result;
    const int error = SSL_get_error(ssl_.get(), ok);
    if (error == SSL_ERROR_ZERO_RETURN) {
      result.ec = asio::error::eof;
      co_return result;
    }
    if (error != SSL_ERROR_WANT_READ) {
      const bool refused = error == SSL_ERROR_SSL && is_certificate_alert(ERR_peek_last_error());
      result.ec = refused ? asio::error::no_permission : asio::error::connection_reset;
      co_return result;
    }
    // A peer that takes nothing any more may still have said why: what arrived is read all the
    // same.
    const bool owed = wants_flush();
    if (owed) {
      (void)co_await flush();
    }
    result.ec = co_await fill();
    // The end of the connection without close_notify is a break, never an end of data.
    if (result.ec == asio::error::eof) result.ec = asio::error::connection_reset;
    if (result.ec) co_return result;
  }
}

void TlsStream::keep_buffers() { SSL_clear_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS); }

bool TlsStream::has_input() const {
  return SSL_has_pending(ssl_.get()) == 1 || BIO_ctrl_pending(SSL_get_rbio(ssl_.get())) > 0;
}

Task<IoResult> TlsStream::write(std::span<const std::byte> bytes) {
  IoResult result;
  const bool behind = !held_.empty();
  if (behind) {
    held_.insert(held_.end(), bytes.begin(), bytes.end());
    result.bytes = bytes.size();
    result.ec = co_await encrypt_held();
  } else {
    result = co_await encrypt(bytes);
  }
  if (!result.ec) {
    result.ec = co_await push();
  }
  co_return result;
}

Task<IoResult> TlsStream::write_later(std::span<const std::byte> bytes) {
  IoResult result;
  held_.insert(held_.end(), bytes.begin(), bytes.end());
  result.bytes = bytes.size();
  if (held_.size() >= kMostHeld) {
    result.ec = co_await encrypt_held();
  }
  co_return result;
}

Task<error_code> TlsStream::encrypt_held() {
  const auto leaving = std::exchange(held_, {});
  const auto result = co_await encrypt(leaving);
  co_return result.ec;
}

/// Into the pair, which is emptied whenever it is full.
Task<IoResult> TlsStream::encrypt(std::span<const std::byte> bytes) {
  IoResult result;
  while (result.bytes < bytes.size()) {
    ERR_clear_error();
    const auto rest = bytes.subspan(result.bytes);
    std::size_t taken = 0;
    const int ok = SSL_write_ex(ssl_.get(), rest.data(), rest.size(), &taken);
    if (ok == 1) {
      result.bytes += taken;
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), ok);
    if (error != SSL_ERROR_WANT_WRITE) {
      result.ec = asio::error::connection_reset;
      co_return result;
    }
    result.ec = co_await push();
    if (result.ec) co_return result;
  }
  co_return result;
}

Task<> TlsStream::shutdown() {
  if (!held_.empty()) {
    (void)co_await encrypt_held();
  }
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  co_await push();
  link_.shutdown_send();
}

}  // namespace lsend::net
