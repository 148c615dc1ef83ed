#pragma once

#include <concepts>
#include <optional>
#include <span>

#include "lsend/net/tcp_link.hpp"

namespace lsend::net {

/// What the HTTP code asks of a stream. PlainStream and TlsStream are the two models of it.
template <class S>
concept AsyncStream = requires(S stream, std::span<std::byte> in, std::span<const std::byte> out) {
  { stream.read_some(in) } -> std::same_as<Task<IoResult>>;
  { stream.write(out) } -> std::same_as<Task<IoResult>>;
  { stream.shutdown() } -> std::same_as<Task<>>;
  { stream.peer_fingerprint() } -> std::convertible_to<std::optional<Fingerprint>>;
  { stream.link() } -> std::same_as<TcpLink&>;
};

class PlainStream {
 public:
  explicit PlainStream(TcpSocket socket) : link_(std::move(socket)) {}

  Task<IoResult> read_some(std::span<std::byte> buffer) { return link_.receive(buffer); }
  Task<IoResult> write(std::span<const std::byte> bytes) { return link_.send(bytes); }
  Task<> shutdown() {
    link_.shutdown_send();
    co_return;
  }
  std::optional<Fingerprint> peer_fingerprint() const { return std::nullopt; }
  TcpLink& link() { return link_; }
  const TcpLink& link() const { return link_; }

 private:
  TcpLink link_;
};

static_assert(AsyncStream<PlainStream>);

}  // namespace lsend::net
