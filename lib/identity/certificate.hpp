#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

#include "lsend/model/ids.hpp"
#include "lsend/model/result.hpp"

namespace lsend::identity {

struct OpensslFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree>;
using CertificatePtr = std::unique_ptr<X509, OpensslFree>;
using BioPtr = std::unique_ptr<BIO, OpensslFree>;

/// RSA with 2048 bits. Errc::failed when OpenSSL cannot make it.
Result<KeyPtr> make_key();
/// The self-signed certificate that official peers make for themselves (protocol.md 2.4).
Result<CertificatePtr> make_certificate(EVP_PKEY* key);
/// SHA-256 over the DER.
Result<Fingerprint> fingerprint_of(const X509* certificate);

}  // namespace lsend::identity
