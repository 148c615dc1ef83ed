#pragma once

#include <concepts>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "lsend/net/tcp_link.hpp"

namespace lsend::net {

/// What the HTTP code asks of a stream. PlainStream and TlsStream are the two models of it.
/// write_later() keeps bytes back until the next write(), flush() or read_some() that has to wait,
/// so that answers to requests which are there already leave together. has_input(): bytes have been
/// received and not read. keep_buffers(): much is to come, what it takes need not be made anew.
template <class S>
concept AsyncStream = requires(S stream, std::span<std::byte> in, std::span<const std::byte> out) {
  { stream.read_some(in) } -> std::same_as<Task<IoResult>>;
  { stream.write(out) } -> std::same_as<Task<IoResult>>;
  { stream.write_later(out) } -> std::same_as<Task<IoResult>>;
  { stream.flush() } -> std::same_as<Task<error_code>>;
  {stream.keep_buffers()};
  { stream.has_input() } -> std::same_as<bool>;
  { stream.shutdown() } -> std::same_as<Task<>>;
  { stream.peer_fingerprint() } -> std::convertible_to<std::optional<Fingerprint>>;
  { stream.link() } -> std::same_as<TcpLink&>;
};

class PlainStream {
 public:
  explicit PlainStream(TcpSocket socket) : link_(std::move(socket)) {}

  Task<IoResult> read_some(std::span<std::byte> buffer) {
    return held_.empty() ? link_.receive(buffer) : read_behind(buffer);
  }
  Task<IoResult> write(std::span<const std::byte> bytes) {
    return held_.empty() ? link_.send(bytes) : write_behind(bytes);
  }
  Task<IoResult> write_later(std::span<const std::byte> bytes) {
    IoResult result;
    held_.insert(held_.end(), bytes.begin(), bytes.end());
    result.bytes = bytes.size();
    if (held_.size() >= kMostHeld) {
      result.ec = co_await flush();
    }
    co_return result;
  }
  Task<error_code> flush() {
    if (held_.empty()) co_return error_code();
    const auto leaving = std::exchange(held_, {});
    const auto sent = co_await link_.send(leaving);
    co_return sent.ec;
  }
  void keep_buffers() {}
  bool has_input() const { return false; }
  Task<> shutdown() {
    link_.shutdown_send();
    co_return;
  }
  std::optional<Fingerprint> peer_fingerprint() const { return std::nullopt; }
  TcpLink& link() { return link_; }
  const TcpLink& link() const { return link_; }

 private:
  static constexpr std::size_t kMostHeld = 16 * 1024;

  Task<IoResult> read_behind(std::span<std::byte> buffer) {
    // What a peer said that takes nothing any more is read all the same.
    (void)co_await flush();
    const auto result = co_await link_.receive(buffer);
    co_return result;
  }
  Task<IoResult> write_behind(std::span<const std::byte> bytes) {
    IoResult result;
    result.ec = co_await flush();
    if (!result.ec) {
      result = co_await link_.send(bytes);
    }
    co_return result;
  }

  TcpLink link_;
  std::vector<std::byte> held_;
};

static_assert(AsyncStream<PlainStream>);

}  // namespace lsend::net
