// reference receive PORT_FILE DESTINATION     takes one file on 127.0.0.1 and ends
// reference send PORT SOURCE
//
// The limit that moves with the machine: OpenSSL on blocking sockets, a file read and a file
// written, no protocol, no digest, no rename. What lsend takes longer than this is lsend's own.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kBlock = 256 * 1024;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

void require(bool ok, const char* what) {
  if (!ok) die(what);
}

/// A certificate for one run; P-256 because making it takes no time.
void give_identity(SSL_CTX* context) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  require(key && certificate, "key");
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  require(X509_sign(certificate, key, EVP_sha256()) > 0, "sign");
  require(SSL_CTX_use_certificate(context, certificate) == 1, "certificate");
  require(SSL_CTX_use_PrivateKey(context, key) == 1, "private key");
  X509_free(certificate);
  EVP_PKEY_free(key);
}

SSL* secure(int socket, bool server) {
  SSL_CTX* context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
  require(context, "context");
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_num_tickets(context, 0);
  if (server) give_identity(context);
  SSL* ssl = SSL_new(context);
  require(ssl && SSL_set_fd(ssl, socket) == 1, "ssl");
  require((server ? SSL_accept(ssl) : SSL_connect(ssl)) == 1, "handshake");
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return ssl;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int accept_one(const char* port_file) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof(address);
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  require(bind(listener, raw, size) == 0 && listen(listener, 1) == 0, "listen");
  require(getsockname(listener, raw, &size) == 0, "port");
  const std::string temporary = std::string(port_file) + ".new";
  std::FILE* file = std::fopen(temporary.c_str(), "w");
  require(file && std::fprintf(file, "%d\n", ntohs(address.sin_port)) > 0, port_file);
  require(std::fclose(file) == 0 && std::rename(temporary.c_str(), port_file) == 0, port_file);
  return accept(listener, nullptr, nullptr);
}

void write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const auto written = write(fd, data, size);
    require(written > 0, "write");
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

/// Reads until the buffer is full, so that the disk sees few and large writes.
std::size_t read_block(SSL* ssl, std::vector<char>& buffer, std::uint64_t left) {
  const auto wanted = std::min<std::uint64_t>(left, buffer.size());
  std::size_t filled = 0;
  while (filled < wanted) {
    std::size_t count = 0;
    require(SSL_read_ex(ssl, buffer.data() + filled, wanted - filled, &count) == 1, "SSL_read");
    filled += count;
  }
  return filled;
}

void receive(const char* port_file, const char* destination) {
  SSL* ssl = secure(accept_one(port_file), true);
  std::uint64_t left = 0;
  std::size_t count = 0;
  require(SSL_read_ex(ssl, &left, sizeof(left), &count) == 1 && count == sizeof(left), "size");
  const int out = open(destination, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  require(out >= 0, destination);
  (void)!fallocate(out, 0, 0, static_cast<off_t>(left));
  std::vector<char> buffer(kBlock);
  while (left > 0) {
    const auto filled = read_block(ssl, buffer, left);
    write_all(out, buffer.data(), filled);
    left -= filled;
  }
  require(close(out) == 0, destination);
  require(SSL_write_ex(ssl, "k", 1, &count) == 1, "answer");
}

void send(const char* port, const char* source) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(static_cast<std::uint16_t>(std::atoi(port)));
  const auto* const raw = reinterpret_cast<const sockaddr*>(&address);
  require(connect(connection, raw, sizeof(address)) == 0, "connect");
  SSL* ssl = secure(connection, false);
  const int in = open(source, O_RDONLY | O_CLOEXEC);
  struct stat status {};
  require(in >= 0 && fstat(in, &status) == 0, source);
  posix_fadvise(in, 0, 0, POSIX_FADV_SEQUENTIAL);
  std::uint64_t left = static_cast<std::uint64_t>(status.st_size);
  std::size_t count = 0;
  require(SSL_write_ex(ssl, &left, sizeof(left), &count) == 1, "size");
  std::vector<char> buffer(kBlock);
  while (left > 0) {
    const auto got = read(in, buffer.data(), buffer.size());
    require(got > 0, "read");
    const auto size = static_cast<std::size_t>(got);
    require(SSL_write_ex(ssl, buffer.data(), size, &count) == 1 && count == size, "SSL_write");
    left -= size;
  }
  char answer = 0;
  require(SSL_read_ex(ssl, &answer, 1, &count) == 1 && answer == 'k', "answer");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "receive") == 0) {
    receive(argv[2], argv[3]);
  } else if (argc == 4 && std::strcmp(argv[1], "send") == 0) {
    send(argv[2], argv[3]);
  } else {
    std::fputs("usage: reference receive PORT_FILE DESTINATION | reference send PORT SOURCE\n",
               stderr);
    return 2;
  }
  return 0;
}
