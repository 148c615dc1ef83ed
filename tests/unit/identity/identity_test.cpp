#include "lsend/identity/identity.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"

namespace {

namespace fs = std::filesystem;
using lsend::Errc;
using lsend::identity::Identity;

/// A folder of its own for a test, gone when the test is over.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "lsend_identity_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }
  fs::path file() const { return path_ / "identity.pem"; }

 private:
  fs::path path_;
};

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info.st_mode & 07777U;
}

std::string content_of(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void put(const fs::path& path, const std::string& content, mode_t mode = 0600) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << content;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

/// The text of a good identity; made once, for keys take long.
const std::string& good_identity(int which) {
  static const std::array<std::string, 2> texts = [] {
    std::array<std::string, 2> made;
    for (std::string& text : made) {
      const TempFolder folder;
      REQUIRE(Identity::load_or_create(folder.path()).has_value());
      text = content_of(folder.file());
    }
    return made;
  }();
  return texts.at(static_cast<std::size_t>(which));
}

std::string key_part(const std::string& pem) {
  return pem.substr(0, pem.find("-----BEGIN CERTIFICATE-----"));
}
std::string certificate_part(const std::string& pem) {
  return pem.substr(pem.find("-----BEGIN CERTIFICATE-----"));
}

const std::string kMoveAway =
    "; move it away and lsend makes a new identity (peers will see a new device)";

}  // namespace

TEST_CASE("identity: is made once and stays the same") {
  const TempFolder root;
  const fs::path folder = root.path() / "a" / "b";

  const auto made = Identity::load_or_create(folder);
  REQUIRE(made.has_value());
  CHECK(made->fingerprint().is_sha256());
  CHECK(mode_of(root.path() / "a") == 0700);
  CHECK(mode_of(folder) == 0700);
  CHECK(mode_of(folder / "identity.pem") == 0600);
  CHECK(std::distance(fs::directory_iterator{folder}, {}) == 1);

  const std::string before = content_of(folder / "identity.pem");
  CHECK(before.starts_with("-----BEGIN PRIVATE KEY-----\n"));
  const auto loaded = Identity::load_or_create(folder);
  REQUIRE(loaded.has_value());
  CHECK(loaded->fingerprint() == made->fingerprint());
  CHECK(content_of(folder / "identity.pem") == before);
}

TEST_CASE("identity: a strange umask changes nothing") {
  const TempFolder root;
  const mode_t old = ::umask(GENERATE(0U, 0777U));
  const auto made = Identity::load_or_create(root.path() / "a" / "b");
  ::umask(old);
  REQUIRE(made.has_value());
  CHECK(mode_of(root.path() / "a") == 0700);
  CHECK(mode_of(root.path() / "a" / "b" / "identity.pem") == 0600);
}

TEST_CASE("identity: the certificate is the one that official peers make") {
  const TempFolder folder;
  put(folder.file(), good_identity(0));
  const auto identity = Identity::load_or_create(folder.path());
  REQUIRE(identity.has_value());
  X509* const certificate = identity->certificate();

  CHECK(X509_get_version(certificate) == 2);
  CHECK(X509_get_ext_count(certificate) == 0);
  CHECK(X509_get_signature_nid(certificate) == NID_sha256WithRSAEncryption);
  CHECK(EVP_PKEY_get_base_id(identity->key()) == EVP_PKEY_RSA);
  CHECK(EVP_PKEY_get_bits(identity->key()) == 2048);
  CHECK(X509_verify(certificate, X509_get0_pubkey(certificate)) == 1);
  CHECK(X509_check_private_key(certificate, identity->key()) == 1);

  X509_NAME* const name = X509_get_subject_name(certificate);
  CHECK(X509_NAME_entry_count(name) == 1);
  std::array<char, 64> cn{};
  CHECK(X509_NAME_get_text_by_NID(name, NID_commonName, cn.data(), 64) > 0);
  CHECK(std::string{cn.data()} == "LocalSend User");
  CHECK(X509_NAME_cmp(name, X509_get_issuer_name(certificate)) == 0);

  const ASN1_INTEGER* const serial = X509_get0_serialNumber(certificate);
  CHECK(ASN1_STRING_type(serial) == V_ASN1_INTEGER);
  CHECK(ASN1_STRING_length(serial) >= 8);
  CHECK(ASN1_STRING_length(serial) <= 20);
  CHECK(ASN1_STRING_get0_data(serial)[0] < 0x80);

  tm from{};
  tm until{};
  REQUIRE(ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &from) == 1);
  REQUIRE(ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &until) == 1);
  CHECK(from.tm_year + 1900 == 1975);
  CHECK(from.tm_yday == 0);
  CHECK(until.tm_year + 1900 == 4096);
  CHECK(until.tm_yday == 0);
}

TEST_CASE("identity: two devices share neither key nor serial") {
  CHECK(good_identity(0) != good_identity(1));
}

TEST_CASE("identity: the fingerprint is SHA-256 over the DER in upper-case hex") {
  const TempFolder folder;
  put(folder.file(), good_identity(0));
  const auto identity = Identity::load_or_create(folder.path());
  REQUIRE(identity.has_value());

  unsigned char* der = nullptr;
  const int size = i2d_X509(identity->certificate(), &der);
  REQUIRE(size > 0);
  std::array<unsigned char, 32> digest{};
  REQUIRE(EVP_Digest(der, static_cast<std::size_t>(size), digest.data(), nullptr, EVP_sha256(),
                     nullptr) == 1);
  OPENSSL_free(der);
  std::string expected;
  for (const unsigned char byte : digest) {
    std::array<char, 3> hex{};
    std::snprintf(hex.data(), hex.size(), "%02X", static_cast<unsigned>(byte));
    expected += hex.data();
  }
  CHECK(identity->fingerprint().str() == expected);
}

TEST_CASE("identity: either order in the file is understood") {
  const TempFolder folder;
  const std::string& pem = good_identity(0);
  put(folder.file(), certificate_part(pem) + key_part(pem));
  CHECK(Identity::load_or_create(folder.path()).has_value());
}

TEST_CASE("identity: a file that others can read is refused with its remedy") {
  const TempFolder folder;
  const mode_t mode = GENERATE(0644U, 0640U, 0604U, 0620U, 0601U);
  put(folder.file(), good_identity(0), mode);
  const auto identity = Identity::load_or_create(folder.path());
  REQUIRE(identity.has_error());
  CHECK(identity.error().code() == Errc::identity);
  const std::string name = "'" + folder.file().string() + "'";
  CHECK(identity.error().message() ==
        name + " can be read by others; mend it with: chmod 600 " + name);
  CHECK(mode_of(folder.file()) == mode);
}

TEST_CASE("identity: a damaged file is never replaced") {
  const std::string& good = good_identity(0);
  const std::string& other = good_identity(1);
  struct Row {
    std::string content;
    std::string why;
  };
  const std::vector<Row> rows{
      {"", " is empty"},
      {"garbage\n", " has no readable private key in it"},
      {std::string(2000, '\0'), " has no readable private key in it"},
      {std::string(70000, 'x'), " is too big for a key and a certificate"},
      {good.substr(0, good.size() / 4), " has no readable private key in it"},
      {certificate_part(good), " has no readable private key in it"},
      {key_part(good), " has no readable certificate in it"},
      {good.substr(0, good.size() - 60), " has no readable certificate in it"},
      {key_part(good) + certificate_part(other),
       " has a key and a certificate that do not belong together"},
  };
  for (const Row& row : rows) {
    INFO(row.why << ", " << row.content.size() << " bytes");
    const TempFolder folder;
    put(folder.file(), row.content);
    const auto identity = Identity::load_or_create(folder.path());
    REQUIRE(identity.has_error());
    CHECK(identity.error().code() == Errc::identity);
    CHECK(identity.error().message() == "'" + folder.file().string() + "'" + row.why + kMoveAway);
    CHECK(content_of(folder.file()) == row.content);
  }
}

TEST_CASE("identity: a key with a passphrase is refused without asking") {
  const TempFolder folder;
  put(folder.file(), good_identity(0));
  const auto identity = Identity::load_or_create(folder.path());
  REQUIRE(identity.has_value());
  const std::unique_ptr<BIO, int (*)(BIO*)> bio{BIO_new(BIO_s_mem()), BIO_free};
  REQUIRE(PEM_write_bio_PKCS8PrivateKey(bio.get(), identity->key(), EVP_aes_128_cbc(), "pass", 4,
                                        nullptr, nullptr) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  put(folder.file(),
      std::string(data, static_cast<std::size_t>(size)) + certificate_part(good_identity(0)));
  const auto locked = Identity::load_or_create(folder.path());
  REQUIRE(locked.has_error());
  CHECK(locked.error().code() == Errc::identity);
}

TEST_CASE("identity: an expired certificate is refused") {
  const TempFolder folder;
  put(folder.file(), good_identity(0));
  const auto identity = Identity::load_or_create(folder.path());
  REQUIRE(identity.has_value());
  X509* const certificate = identity->certificate();
  REQUIRE(ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "20200101000000Z") == 1);
  REQUIRE(X509_sign(certificate, identity->key(), EVP_sha256()) > 0);
  const std::unique_ptr<BIO, int (*)(BIO*)> bio{BIO_new(BIO_s_mem()), BIO_free};
  REQUIRE(PEM_write_bio_X509(bio.get(), certificate) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  put(folder.file(),
      key_part(good_identity(0)) + std::string(data, static_cast<std::size_t>(size)));
  const auto expired = Identity::load_or_create(folder.path());
  REQUIRE(expired.has_error());
  CHECK(expired.error().message() ==
        "'" + folder.file().string() + "' has a certificate that has expired" + kMoveAway);
}

TEST_CASE("identity: only a regular file will do") {
  const TempFolder folder;
  const TempFolder elsewhere;
  std::string expected;
  SECTION("a symbolic link, even to a good one") {
    put(elsewhere.file(), good_identity(0));
    fs::create_symlink(elsewhere.file(), folder.file());
    expected = "' is a symbolic link, which lsend does not follow for a key";
  }
  SECTION("a symbolic link to nothing") {
    fs::create_symlink(elsewhere.path() / "missing", folder.file());
    expected = "' is a symbolic link, which lsend does not follow for a key";
  }
  SECTION("a folder") {
    fs::create_directory(folder.file());
    expected = "' is not a regular file";
  }
  SECTION("a pipe, which must not be waited for") {
    REQUIRE(::mkfifo(folder.file().c_str(), 0600) == 0);
    expected = "' is not a regular file";
  }
  const auto identity = Identity::load_or_create(folder.path());
  REQUIRE(identity.has_error());
  CHECK(identity.error().code() == Errc::identity);
  CHECK(identity.error().message().find(expected) != std::string::npos);
  CHECK_FALSE(fs::exists(elsewhere.path() / "missing"));
}

TEST_CASE("identity: a folder that cannot be used is an error of the disk") {
  const TempFolder root;
  put(root.path() / "file", "x");
  const auto identity = Identity::load_or_create(root.path() / GENERATE("file", "file/below"));
  REQUIRE(identity.has_error());
  CHECK(identity.error().code() == Errc::io);
}

TEST_CASE("identity: processes that start at once end with one and the same") {
  const TempFolder root;
  const fs::path folder = root.path() / "new";
  constexpr std::size_t kCreators = 3;
  std::array<std::string, kCreators> seen;
  std::atomic<std::size_t> ready{0};
  std::vector<std::thread> creators;
  for (std::string& fingerprint : seen) {
    creators.emplace_back([&fingerprint, &ready, &folder] {
      ++ready;
      while (ready < kCreators) std::this_thread::yield();
      const auto identity = Identity::load_or_create(folder);
      fingerprint = identity ? identity->fingerprint().str() : identity.error().message();
    });
  }
  for (std::thread& creator : creators) creator.join();

  CHECK(seen[0] == seen[1]);
  CHECK(seen[0] == seen[2]);
  const auto loaded = Identity::load_or_create(folder);
  REQUIRE(loaded.has_value());
  CHECK(loaded->fingerprint().str() == seen[0]);
  CHECK(std::distance(fs::directory_iterator{folder}, {}) == 1);
}

TEST_CASE("identity: a file of another user is refused") {
  // Only root can give a file away, so this checks nothing for other users.
  if (::geteuid() != 0) return;
  const TempFolder folder;
  put(folder.file(), good_identity(0));
  REQUIRE(::chown(folder.file().c_str(), 65534, 65534) == 0);
  const auto identity = Identity::load_or_create(folder.path());
  REQUIRE(identity.has_error());
  CHECK(identity.error().code() == Errc::identity);
  const std::string name = "'" + folder.file().string() + "'";
  CHECK(identity.error().message() ==
        name +
            " belongs to the user with id 65534, not to the one that runs lsend (0); mend it "
            "with: chown 0 " +
            name);
}
