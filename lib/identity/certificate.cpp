#include "certificate.hpp"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <array>
#include <string>

namespace lsend::identity {
namespace {

constexpr int kX509V3 = 2;
constexpr int kKeyBits = 2048;
constexpr const char* kCommonName = "LocalSend User";
// A clock that starts in 1970 or is years off must never break a handshake, so the official range
// is used instead of one around "now".
constexpr const char* kNotBefore = "19750101000000Z";
constexpr const char* kNotAfter = "40960101000000Z";

struct BignumFree {
  void operator()(BIGNUM* number) const { BN_free(number); }
};

Error openssl_error(const char* what) {
  std::array<char, 256> reason{};
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return fail(Errc::failed, std::string{what} + " failed in OpenSSL");
  ERR_error_string_n(code, reason.data(), reason.size());
  return fail(Errc::failed, std::string{what} + " failed in OpenSSL: " + reason.data());
}

/// 16 octets, the first one 0x40 to 0x7F: positive, never zero, and shorter than the 20 octets that
/// rustls-webpki takes at most.
bool set_random_serial(X509* certificate) {
  std::array<unsigned char, 16> serial{};
  if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) return false;
  serial[0] = static_cast<unsigned char>((serial[0] & 0x3FU) | 0x40U);
  const std::unique_ptr<BIGNUM, BignumFree> number{
      BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr)};
  return number != nullptr &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_names(X509* certificate) {
  X509_NAME* name = X509_get_subject_name(certificate);
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(kCommonName), -1, -1,
                                    0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1;
}

bool set_dates(X509* certificate) {
  return ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), kNotBefore) == 1 &&
         ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), kNotAfter) == 1;
}

}  // namespace

Result<KeyPtr> make_key() {
  KeyPtr key{EVP_RSA_gen(kKeyBits)};
  if (!key) return openssl_error("making the RSA key of this device");
  return key;
}

Result<CertificatePtr> make_certificate(EVP_PKEY* key) {
  CertificatePtr certificate{X509_new()};
  if (!certificate || X509_set_version(certificate.get(), kX509V3) != 1 ||
      !set_random_serial(certificate.get()) || !set_names(certificate.get()) ||
      !set_dates(certificate.get()) || X509_set_pubkey(certificate.get(), key) != 1 ||
      X509_sign(certificate.get(), key, EVP_sha256()) == 0) {
    return openssl_error("making the certificate of this device");
  }
  return certificate;
}

Result<Fingerprint> fingerprint_of(const X509* certificate) {
  std::array<std::uint8_t, 32> digest{};
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1 || size != digest.size()) {
    return openssl_error("hashing the certificate of this device");
  }
  return Fingerprint::from_digest(digest);
}

}  // namespace lsend::identity
