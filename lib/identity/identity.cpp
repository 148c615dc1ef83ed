#include "lsend/identity/identity.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <string>
#include <utility>

#include "certificate.hpp"
#include "key_file.hpp"

namespace lsend::identity {
namespace {

struct KeyPair {
  KeyPtr key;
  CertificatePtr certificate;
};

Error unusable(const KeyFile& file, const std::string& why) {
  ERR_clear_error();
  return fail(Errc::identity, "'" + file.path().string() + "' " + why +
                                  "; move it away and lsend makes a new identity (peers will see "
                                  "a new device)");
}

/// OpenSSL's own callback would ask on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

BioPtr view(const SecretBytes& content) {
  return BioPtr{BIO_new_mem_buf(content.span().data(), static_cast<int>(content.span().size()))};
}

Result<KeyPair> parse(const SecretBytes& content, const KeyFile& file) {
  if (content.span().empty()) return unusable(file, "is empty");
  KeyPair pair;
  // One reader each, so that either order in the file is understood.
  if (const BioPtr bio = view(content)) {
    pair.key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  }
  if (!pair.key) return unusable(file, "has no readable private key in it");
  if (const BioPtr bio = view(content)) {
    pair.certificate.reset(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
  }
  if (!pair.certificate) return unusable(file, "has no readable certificate in it");
  if (X509_check_private_key(pair.certificate.get(), pair.key.get()) != 1) {
    return unusable(file, "has a key and a certificate that do not belong together");
  }
  if (X509_cmp_current_time(X509_get0_notAfter(pair.certificate.get())) < 0) {
    return unusable(file, "has a certificate that has expired");
  }
  return pair;
}

Result<KeyPair> generate() {
  auto key = make_key();
  if (!key) return key.error();
  auto certificate = make_certificate(key->get());
  if (!certificate) return certificate.error();
  return KeyPair{std::move(*key), std::move(*certificate)};
}

/// False when another process published its identity first.
Result<bool> save(const KeyPair& pair, const KeyFile& file) {
  // A memory BIO grows and goes by the clearing functions of OpenSSL: no copy of the key stays.
  const BioPtr bio{BIO_new(BIO_s_mem())};
  if (!bio ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), pair.key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1 ||
      PEM_write_bio_X509(bio.get(), pair.certificate.get()) != 1) {
    ERR_clear_error();
    return fail(Errc::failed, "OpenSSL could not encode the identity of this device");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return file.create(std::span<const char>{data, static_cast<std::size_t>(size)});
}

Result<KeyPair> read_pair(const KeyFile& file) {
  auto content = file.read();
  if (!content) return content.error();
  return parse(*content, file);
}

Result<KeyPair> load_or_create_pair(const KeyFile& file) {
  auto loaded = read_pair(file);
  if (loaded || loaded.error().code() != Errc::not_found) return loaded;
  auto made = generate();
  if (!made) return made;
  auto saved = save(*made, file);
  if (!saved) return saved.error();
  if (*saved) return made;
  return read_pair(file);
}

}  // namespace

void Identity::Free::operator()(x509_st* certificate) const { X509_free(certificate); }
void Identity::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

struct Identity::Pair : KeyPair {};

Result<Identity> Identity::of(Pair pair) {
  auto fingerprint = fingerprint_of(pair.certificate.get());
  if (!fingerprint) return fingerprint.error();
  Identity identity;
  identity.certificate_.reset(pair.certificate.release());
  identity.key_.reset(pair.key.release());
  identity.fingerprint_ = std::move(*fingerprint);
  return identity;
}

Result<Identity> Identity::load_or_create(const std::filesystem::path& folder) {
  auto file = KeyFile::open(folder);
  if (!file) return file.error();
  auto pair = load_or_create_pair(*file);
  if (!pair) return pair.error();
  return of(Pair{std::move(*pair)});
}

Result<Identity> Identity::for_now() {
  auto pair = generate();
  if (!pair) return pair.error();
  return of(Pair{std::move(*pair)});
}

}  // namespace lsend::identity
