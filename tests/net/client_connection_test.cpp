#include "lib/net/client_connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <functional>
#include <string>

#include "catch.hpp"

using namespace lsend;
using net::Task;

// Not an anonymous one: coroutines of the header are made for this stream, and their frames have linkage.
namespace broken_stream {

/// A connection whose write breaks, and which then gives the peer's last words, or none.
class BrokenStream {
 public:
  explicit BrokenStream(net::TcpSocket socket) : link_(std::move(socket)) {}

  static net::error_code read_error;
  static std::string words;

  Task<net::IoResult> read_some(std::span<std::byte> buffer) {
    net::IoResult result;
    result.bytes = std::min(buffer.size(), left_.size());
    std::memcpy(buffer.data(), left_.data(), result.bytes);
    left_.erase(0, result.bytes);
    if (result.bytes == 0) result.ec = read_error;
    co_return result;
  }
  Task<net::IoResult> write(std::span<const std::byte>) {
    net::IoResult result;
    result.ec = net::asio::error::broken_pipe;
    co_return result;
  }
  Task<net::IoResult> write_later(std::span<const std::byte> bytes) { return write(bytes); }
  Task<net::error_code> flush() { co_return net::error_code(); }
  void keep_buffers() {}
  bool has_input() const { return !left_.empty(); }
  Task<> shutdown() { co_return; }
  std::optional<Fingerprint> peer_fingerprint() const { return std::nullopt; }
  bool peer_is_weak() const { return false; }
  net::TcpLink& link() { return link_; }
  const net::TcpLink& link() const { return link_; }

 private:
  net::TcpLink link_;
  std::string left_ = words;
};

net::error_code BrokenStream::read_error;
std::string BrokenStream::words;

class Zeros final : public ByteSource {
 public:
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    std::fill(buffer.begin(), buffer.end(), std::byte{0});
    return buffer.size();
  }
};

using Way = std::function<Task<Result<net::Reply>>(net::HttpClient&)>;

Task<Result<net::Reply>> by_call(net::HttpClient& client) {
  net::Call call("POST", "/x");
  auto reply = co_await client.call(std::move(call), "body");
  co_return reply;
}

Task<Result<net::Reply>> by_upload(net::HttpClient& client, std::uint64_t size) {
  Zeros source;
  net::Call call("POST", "/x");
  auto reply = co_await client.upload(std::move(call), source, size, nullptr);
  co_return reply;
}

Task<Result<net::Reply>> together(net::HttpClient& client) {
  Zeros source;
  std::vector<net::Upload> uploads;
  uploads.push_back({net::Call("POST", "/x"), &source, 10, nullptr});
  uploads.push_back({net::Call("POST", "/x"), &source, 10, nullptr});
  auto replies = co_await client.upload_together(uploads);
  co_return replies.front();
}

Task<> keep(Way way, net::HttpClient& client, std::optional<Result<net::Reply>>& kept) {
  auto reply = co_await way(client);
  kept = std::move(reply);
}

Result<net::Reply> outcome(const Way& way) {
  net::asio::io_context context(1);
  Endpoint endpoint;
  endpoint.host = "10.0.0.2";
  net::ClientConnection<BrokenStream> client(endpoint, net::ConnectOptions(),
                                             net::TcpSocket(context.get_executor()));
  std::optional<Result<net::Reply>> kept;
  net::asio::co_spawn(context, keep(way, client, kept), [&context](std::exception_ptr thrown) {
    // The connection's limit need not pass.
    context.stop();
    if (thrown) std::rethrow_exception(thrown);
  });
  context.run();
  return *kept;
}

const std::vector<std::pair<std::string, Way>> kWays{
    {"a request", by_call},
    {"a small upload", [](net::HttpClient& client) { return by_upload(client, 1000); }},
    {"a big upload", [](net::HttpClient& client) { return by_upload(client, 10'000'000); }},
    {"uploads together", together}};

}  // namespace broken_stream

using namespace broken_stream;

TEST_CASE("Why a write broke is what the peer still says, on every path") {
  for (const auto& [name, way] : kWays) {
    INFO(name);
    SECTION("it does not accept our certificate: " + name) {
      BrokenStream::words.clear();
      BrokenStream::read_error = net::asio::error::no_permission;
      const auto said = outcome(way);
      REQUIRE_FALSE(said.has_value());
      CHECK(said.error() == Error(Errc::identity,
                                  "https://10.0.0.2:53317: the peer does not accept this device's "
                                  "certificate"));
    }
    SECTION("it says nothing: " + name) {
      BrokenStream::words.clear();
      BrokenStream::read_error = net::asio::error::connection_reset;
      const auto said = outcome(way);
      REQUIRE_FALSE(said.has_value());
      CHECK(said.error() == Error(Errc::unreachable, "https://10.0.0.2:53317: Broken pipe"));
    }
    SECTION("it refuses: " + name) {
      BrokenStream::words = "HTTP/1.1 413 No\r\nContent-Length: 3\r\n\r\nbig";
      BrokenStream::read_error = net::asio::error::connection_reset;
      const auto said = outcome(way);
      REQUIRE(said.has_value());
      CHECK(said->head.status == 413);
      CHECK(said->body == "big");
    }
    SECTION("the words of its refusal break: " + name) {
      BrokenStream::words = "HTTP/1.1 413 No\r\nContent-Length: 300\r\n\r\nbig";
      BrokenStream::read_error = net::asio::error::connection_reset;
      const auto said = outcome(way);
      REQUIRE(said.has_value());
      CHECK(said->head.status == 413);
    }
    SECTION("a success for what was not written is none: " + name) {
      BrokenStream::words = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
      BrokenStream::read_error = net::asio::error::connection_reset;
      const auto said = outcome(way);
      if (name == "a request") {
        // Whose answer counts: it has no body to be whole or not.
        CHECK(said.has_value());
      } else {
        REQUIRE_FALSE(said.has_value());
        CHECK(said.error() == Error(Errc::unreachable, "https://10.0.0.2:53317: Broken pipe"));
      }
    }
  }
}

TEST_CASE("An empty body leaves with its length, or chunked where that is asked for") {
  Endpoint endpoint;
  endpoint.host = "10.0.0.2";
  net::Call call("POST", "/x");
  CHECK(net::render_call(call, endpoint, 0).ends_with("Content-Length: 0\r\n\r\n"));
  call.chunked_if_empty = true;
  CHECK(net::render_call(call, endpoint, 5).ends_with("Content-Length: 5\r\n\r\n"));
  CHECK(net::render_call(call, endpoint, 0)
            .ends_with("\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
}
