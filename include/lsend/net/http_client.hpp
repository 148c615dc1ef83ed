#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lsend/model/byte_source.hpp"
#include "lsend/model/device.hpp"
#include "lsend/model/result.hpp"
#include "lsend/net/asio.hpp"
#include "lsend/net/http_head.hpp"
#include "lsend/net/tls_context.hpp"

namespace lsend::net {

/// A request without its body. `target` is already encoded.
struct Call {
  std::string method;
  std::string target;
  std::string content_type;
  Duration answer_limit =
      std::chrono::seconds(10);  ///< from the last byte that the peer's host took to the answer
  std::size_t max_answer = 8 * 1024 * 1024;  ///< bytes of its body
  /// An empty body leaves chunked: with "Content-Length: 0" some servers see none at all.
  bool chunked_if_empty = false;

  Call(std::string method_word, std::string request_target)
      : method(std::move(method_word)), target(std::move(request_target)) {}
};

/// A peer's answer, body included. Redirects are answers like any other and never followed.
struct Reply {
  ResponseHead head;
  std::string body;
};

/// How to call off a connection that is being made; empty before and after.
struct Connecting {
  std::function<void()> abort;
};

struct ConnectOptions {
  std::vector<Fingerprint> pins;  ///< https: only these certificates will do; empty = any
  Duration connect_limit = std::chrono::seconds(5);  ///< a TCP connection and its handshake
  Duration stall_limit = std::chrono::seconds(30);   ///< no byte moved
  /// Bind to this address: a receiver compares where prepare-upload and uploads come from
  /// (protocol.md trap 24).
  std::string local_address;
  /// Leave this host by these only, as in --interface; empty: as the routes say.
  std::vector<std::string> interfaces;
  Connecting* connecting = nullptr;  ///< filled in while connect() runs
};

/// Called with each number of body bytes that went into the socket.
using Moved = std::function<void(std::size_t bytes)>;

/// A request whose body is exactly `size` bytes of `source`.
struct Upload {
  Call call;
  ByteSource* source;
  std::uint64_t size;
  Moved moved;
};

/// One kept-alive HTTP/1.1 connection to a device. No proxy, no redirect, no ALPN.
class HttpClient {
 public:
  HttpClient() = default;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  virtual ~HttpClient() = default;

  /// `peer.host` must be an IP address. Errc::unreachable, Errc::handshake, Errc::timed_out,
  /// Errc::identity, Errc::plain_http.
  static Task<Result<std::unique_ptr<HttpClient>>> connect(const TlsContext& tls, Endpoint peer,
                                                           ConnectOptions options);

  /// A request whose body is in memory, and stays there until the answer: a small one leaves in
  /// one write with its head.
  virtual Task<Result<Reply>> call(Call call, std::string_view body) = 0;
  /// A request whose body is exactly `size` bytes of `source`. When the answer comes before the
  /// body is out and is no success, sending stops and it is given. An error of the source ends the
  /// connection, so that the peer never takes a short body for a whole one.
  virtual Task<Result<Reply>> upload(Call call, ByteSource& source, std::uint64_t size,
                                     Moved moved) = 0;

  /// Small uploads back to back, then their answers in the same order (RFC 9112, 9.3.2); only for
  /// peers that are known to take it. Those that fit into one block of 256 KiB are sent, fewer when
  /// a source fails: its error is in the list only as the first. An error or an answer that ends
  /// the connection ends the list; what stands behind it has no answer.
  virtual Task<std::vector<Result<Reply>>> upload_together(std::span<Upload> uploads) = 0;

  /// May another request follow?
  virtual bool usable() const = 0;
  virtual void abort() = 0;
  virtual const std::optional<Fingerprint>& peer_fingerprint() const = 0;
  /// It has shown a certificate that is_weak(), so there is no fingerprint.
  virtual bool peer_is_weak() const = 0;
  virtual std::string local_address() const = 0;
  /// The network's part of every wait for an answer; nothing where the system does not tell.
  virtual std::optional<std::chrono::microseconds> round_trip() const = 0;
};

/// The IP addresses of a host name, or the literal itself. Errc::not_found; Errc::cancelled soon
/// after `stopped` says so, whatever the name servers do.
Task<Result<std::vector<std::string>>> resolve_host(std::string host, Duration limit,
                                                    std::function<bool()> stopped = nullptr);

}  // namespace lsend::net
