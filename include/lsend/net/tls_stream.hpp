#pragma once

#include <openssl/types.h>

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "lsend/net/plain_stream.hpp"
#include "lsend/net/tls_context.hpp"

namespace lsend::net {

enum class TlsRole { client, server };

/// TLS over our own BIO pair (performance.md 3.1): plain text is encrypted straight from the
/// caller's buffer and decrypted straight into it, and the socket moves all pending ciphertext at
/// once. One reader and one writer may run at the same time.
class TlsStream {
 public:
  /// `pins`: the certificates that a server may show; empty = any.
  TlsStream(TcpSocket socket, const TlsContext& context, TlsRole role,
            std::vector<Fingerprint> pins = {});

  /// Errc::identity when the peer's certificate is not the pinned one or the two share no version
  /// or cipher; Errc::plain_http when an HTTP server answers; Errc::handshake when it breaks off;
  /// Errc::timed_out, Errc::cancelled.
  Task<Result<>> handshake(const std::string& peer_name);

  /// Some bytes. asio::error::eof only after the peer's close_notify; a connection that ends
  /// without one is asio::error::connection_reset, one that refuses our certificate
  /// asio::error::no_permission.
  Task<IoResult> read_some(std::span<std::byte> buffer);
  Task<IoResult> write(std::span<const std::byte> bytes);
  /// Leaves with the next write(), flush() or read that has to wait: short answers share a record.
  Task<IoResult> write_later(std::span<const std::byte> bytes);
  Task<error_code> flush();
  /// Those of records, 34 KB, which a server otherwise lets go of after each.
  void keep_buffers();
  /// Ciphertext or plain text has been received and not read.
  bool has_input() const;
  /// Sends close_notify and ends our side.
  Task<> shutdown();

  /// The certificate that the peer proved in this handshake, when it is an identity.
  std::optional<Fingerprint> peer_fingerprint() const { return peer_; }
  /// It has shown a certificate that is_weak().
  bool peer_is_weak() const { return weak_; }
  TcpLink& link() { return link_; }
  const TcpLink& link() const { return link_; }

 private:
  struct Free {
    void operator()(SSL* ssl) const;
    void operator()(BIO* bio) const;
  };
  struct FlushEnd;

  static constexpr std::size_t kMostHeld = 8 * 1024;

  Task<IoResult> encrypt(std::span<const std::byte> bytes);
  Task<error_code> encrypt_held();
  /// All pending ciphertext to the socket.
  Task<error_code> push();
  Task<error_code> fill();
  void note_beginning(std::span<const std::byte> bytes);
  bool wants_flush() const;
  Error handshake_error(const error_code& ec, unsigned long code,
                        const std::string& peer_name) const;
  void learn_peer();

  TcpLink link_;
  std::optional<PinCheck> pin_;
  std::unique_ptr<SSL, Free> ssl_;
  std::unique_ptr<BIO, Free> network_;  ///< our end of the pair: ciphertext
  std::vector<std::byte> held_;         ///< of write_later()
  Timer flushed_;                       ///< cancelled when a flush has ended
  bool flushing_ = false;
  std::string beginning_;  ///< of what the peer sent: tells who speaks no TLS
  std::optional<Fingerprint> peer_;
  bool weak_ = false;
};

static_assert(AsyncStream<TlsStream>);

}  // namespace lsend::net
