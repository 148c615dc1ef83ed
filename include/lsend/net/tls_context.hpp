#pragma once

#include <openssl/types.h>

#include <memory>
#include <optional>
#include <vector>

#include "lsend/model/ids.hpp"
#include "lsend/model/result.hpp"

namespace lsend::net {

/// The settings of our TLS (reliability.md 9.2): 1.2 and 1.3, AES-128-GCM first, no resumption, no
/// renegotiation, no ALPN. One certificate for both directions: the client presents it whenever it
/// is asked, the server asks for one and does not require it.
class TlsContext {
 public:
  /// Takes a reference to both. Errc::identity when they do not fit together.
  static Result<TlsContext> make(X509* certificate, EVP_PKEY* key);

  SSL_CTX* client() const { return client_.get(); }
  SSL_CTX* server() const { return server_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const;
  };
  using Ptr = std::unique_ptr<SSL_CTX, Free>;
  TlsContext(Ptr client, Ptr server) : client_(std::move(client)), server_(std::move(server)) {}

  Ptr client_;
  Ptr server_;
};

/// SHA-256 over the DER.
Fingerprint fingerprint_of(const X509* certificate);

/// A certificate is an identity only when it is in force now, signed by its own key (protocol.md
/// 2.4), and neither key nor signature is too weak to prove anything; any other counts as none.
bool is_in_force(const X509* certificate);
/// The rest of it.
bool is_weak(X509* certificate);

/// The certificates that a peer may show, and the one that it showed instead.
struct PinCheck {
  std::vector<Fingerprint> expected;
  Fingerprint refused;
};

/// Makes the client's handshake fail with a certificate whose fingerprint is not expected, before a
/// byte of ours has left. `check` must outlive the handshake.
void pin_peer(SSL* ssl, PinCheck* check);

}  // namespace lsend::net
