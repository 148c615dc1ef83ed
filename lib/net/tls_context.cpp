#include "lsend/net/tls_context.hpp"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>

namespace lsend::net {

namespace {

int pin_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

/// Replaces OpenSSL's chain building: peers sign themselves, and their name is their fingerprint.
int verify_peer(X509_STORE_CTX* store, void*) {
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* check = static_cast<PinCheck*>(SSL_get_ex_data(ssl, pin_index()));
  if (!check) return 1;
  const X509* certificate = X509_STORE_CTX_get0_cert(store);
  const auto shown = certificate ? fingerprint_of(certificate) : Fingerprint();
  for (const auto& expected : check->expected)
    if (equal_constant_time(shown.str(), expected.str())) return 1;
  check->refused = shown;
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

bool configure(SSL_CTX* context, X509* certificate, EVP_PKEY* key) {
  constexpr long kMaxChain = 16 * 1024;
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_max_cert_list(context, kMaxChain);
  SSL_CTX_set_cert_verify_callback(context, verify_peer, nullptr);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
         SSL_CTX_set_ciphersuites(context,
                                  "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"
                                  "TLS_AES_256_GCM_SHA384") == 1 &&
         SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1 &&
         SSL_CTX_use_certificate(context, certificate) == 1 &&
         SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
}

}  // namespace

void TlsContext::Free::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

Result<TlsContext> TlsContext::make(X509* certificate, EVP_PKEY* key) {
  Ptr client(SSL_CTX_new(TLS_client_method()));
  Ptr server(SSL_CTX_new(TLS_server_method()));
  if (!client || !server || !configure(client.get(), certificate, key) ||
      !configure(server.get(), certificate, key))
    return fail(Errc::identity, "TLS cannot use this device's certificate and key");
  // Hundreds of connections may idle at a server; a client uses its few, and so does a server those
  // that bring files (TlsStream::keep_buffers).
  SSL_CTX_set_mode(server.get(), SSL_MODE_RELEASE_BUFFERS);
  // Only the wish for AES: a peer without AES hardware that puts ChaCha20 first gets it.
  SSL_CTX_set_options(server.get(), SSL_OP_PRIORITIZE_CHACHA);
  return TlsContext(std::move(client), std::move(server));
}

Fingerprint fingerprint_of(const X509* certificate) {
  std::array<std::uint8_t, 32> digest{};
  unsigned length = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &length) != 1 ||
      length != digest.size())
    return {};
  return Fingerprint::from_digest(digest);
}

namespace {

/// OpenSSL's security level 2: no MD5, no SHA-1, no RSA below 2048 bits.
bool is_strong(X509* certificate, EVP_PKEY* key) {
  constexpr int kSecurityBits = 112;
  int digest = NID_undef;
  int algorithm = NID_undef;
  int bits = 0;
  std::uint32_t flags = 0;
  return X509_get_signature_info(certificate, &digest, &algorithm, &bits, &flags) == 1 &&
         bits >= kSecurityBits && EVP_PKEY_get_security_bits(key) >= kSecurityBits;
}

}  // namespace

bool is_in_force(const X509* certificate) {
  return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
         X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

bool is_weak(X509* certificate) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  return !key || !is_strong(certificate, key) || X509_verify(certificate, key) != 1;
}

void pin_peer(SSL* ssl, PinCheck* check) { SSL_set_ex_data(ssl, pin_index(), check); }

}  // namespace lsend::net
