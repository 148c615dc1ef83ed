#pragma once

#include <filesystem>
#include <memory>

#include "lsend/model/ids.hpp"
#include "lsend/model/result.hpp"

struct x509_st;
struct evp_pkey_st;

namespace lsend::identity {

/// This device's key and certificate: RSA-2048, X.509 v3, self-signed with SHA-256, CN only, no SAN,
/// valid 1975 to 4096, as official peers make them (protocol.md 2.4, trap 15).
class Identity {
 public:
  /// Reads `<folder>/identity.pem` (PKCS#8 key, then certificate), or makes it when it is missing:
  /// folder 0700, file 0600, written to a temporary name, synced, linked into place, so that two
  /// processes that start at once end with one and the same. Errc::identity with the remedy when
  /// the file can be read by others, is empty, damaged, of another owner, or key and certificate do
  /// not match (reliability.md R103); Errc::io when the folder cannot be used.
  static Result<Identity> load_or_create(const std::filesystem::path& folder);
  /// One that no disk knows and that goes with the process.
  static Result<Identity> for_now();

  const Fingerprint& fingerprint() const { return fingerprint_; }
  x509_st* certificate() const { return certificate_.get(); }
  evp_pkey_st* key() const { return key_.get(); }

 private:
  struct Pair;
  static Result<Identity> of(Pair pair);

  struct Free {
    void operator()(x509_st* certificate) const;
    void operator()(evp_pkey_st* key) const;
  };
  std::unique_ptr<x509_st, Free> certificate_;
  std::unique_ptr<evp_pkey_st, Free> key_;
  Fingerprint fingerprint_;
};

}  // namespace lsend::identity
