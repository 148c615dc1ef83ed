#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

#include "catch.hpp"
#include "lsend/identity/identity.hpp"
#include "lsend/model/log.hpp"
#include "lsend/net/http_client.hpp"
#include "lsend/net/http_server.hpp"
#include "lsend/net/task_group.hpp"

using namespace lsend;
using net::Task;

namespace {

/// A key of its own, made once for all tests of this file.
const identity::Identity& test_identity(const char* name) {
  static std::filesystem::path root = [] {
    std::string pattern = (std::filesystem::temp_directory_path() / "lsend-net-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    return std::filesystem::path(pattern);
  }();
  static std::map<std::string, identity::Identity> made;
  auto found = made.find(name);
  if (found == made.end()) {
    auto fresh = identity::Identity::load_or_create(root / name);
    REQUIRE(fresh.has_value());
    found = made.emplace(name, std::move(*fresh)).first;
    std::filesystem::remove_all(root / name);
  }
  return found->second;
}

net::TlsContext context_of(const identity::Identity& identity) {
  auto tls = net::TlsContext::make(identity.certificate(), identity.key());
  REQUIRE(tls.has_value());
  return std::move(*tls);
}

/// Counts and sums what it is sent; "/refuse" answers before it has read the body.
class Counter final : public net::RequestHandler {
 public:
  Task<> handle(net::Exchange& exchange) override {
    ++requests;
    fingerprint = exchange.peer_fingerprint();
    if (exchange.head().target == "/throw") throw std::runtime_error("no memory, say");
    if (exchange.head().target == "/refuse") {
      net::Answer answer(403, "no");
      co_await exchange.respond(std::move(answer));
      co_return;
    }
    std::vector<std::byte> buffer(70000);
    bytes = 0;
    sum = 0;
    while (true) {
      const auto got = co_await exchange.read_body(buffer);
      if (!got) {
        failure = got.error();
        co_return;
      }
      if (*got == 0) break;
      for (std::size_t i = 0; i < *got; ++i) sum = sum * 31 + static_cast<unsigned char>(buffer[i]);
      bytes += *got;
    }
    sums.push_back(sum);
    net::Answer answer(200, std::to_string(bytes));
    co_await exchange.respond(std::move(answer));
  }
  net::Answer refuse(const Error& error) override {
    return net::Answer(error.code() == Errc::failed ? 500 : 400, "bad");
  }

  std::size_t requests = 0;
  std::uint64_t bytes = 0;
  std::uint64_t sum = 0;
  std::vector<std::uint64_t> sums;  ///< of each body that was read to its end
  std::optional<Fingerprint> fingerprint;
  Error failure;
};

/// `size` bytes of a pattern; fails after `fail_at`.
class Pattern final : public ByteSource {
 public:
  explicit Pattern(std::uint64_t size, std::uint64_t fail_at = UINT64_MAX)
      : size_(size), left_(size), fail_at_(fail_at) {}
  std::uint64_t size() const { return size_; }
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer.size()));
    if (at_ + count > fail_at_) return fail(Errc::io, "the disk is gone");
    for (std::size_t i = 0; i < count; ++i) {
      const auto byte = static_cast<unsigned char>((at_ + i) * 7 + ((at_ + i) >> 8));
      buffer[i] = std::byte(byte);
      sum = sum * 31 + byte;
    }
    at_ += count;
    left_ -= count;
    return count;
  }
  std::uint64_t sum = 0;

 private:
  std::uint64_t size_, left_, fail_at_, at_ = 0;
};

/// A server on loopback and a client coroutine, run to the client's end.
struct Bench {
  net::asio::io_context context{1};
  net::TlsContext server_tls = context_of(test_identity("server"));
  net::TlsContext client_tls = context_of(test_identity("client"));
  Counter counter;
  net::HttpServer server;
  Endpoint endpoint;
  net::ServerLimits limits;

  explicit Bench(Scheme scheme, net::Speaks speaks = net::Speaks::http_and_https,
                 net::ServerLimits server_limits = {})
      : server(context.get_executor(), server_tls, counter, speaks, server_limits) {
    const auto port = server.listen(0, std::vector<std::string>{"127.0.0.1", "::1"});
    REQUIRE(port.has_value());
    endpoint.scheme = scheme;
    endpoint.host = "127.0.0.1";
    endpoint.port = *port;
  }

  void run(std::function<Task<>(Bench&)> job) {
    std::exception_ptr failure;
    net::TaskGroup group(context.get_executor());
    group.spawn(server.run());
    net::asio::co_spawn(context, job(*this), [&](std::exception_ptr thrown) {
      failure = thrown;
      server.stop();
    });
    context.run_for(std::chrono::seconds(30));
    if (failure) std::rethrow_exception(failure);
    REQUIRE(group.size() == 0);
  }

  Task<Result<std::unique_ptr<net::HttpClient>>> connect(
      std::optional<Fingerprint> pin = std::nullopt) {
    net::ConnectOptions options;
    if (pin) options.pins.push_back(std::move(*pin));
    auto client = co_await net::HttpClient::connect(client_tls, endpoint, options);
    co_return client;
  }
};

Task<> keeps_alive(Bench& bench) {
  auto client = co_await bench.connect();
  REQUIRE(client.has_value());
  for (int i = 0; i < 5; ++i) {
    net::Call call("POST", "/count");
    std::string body(static_cast<std::size_t>(i) * 1000, 'x');
    const auto reply = co_await (*client)->call(std::move(call), body);
    REQUIRE(reply.has_value());
    CHECK(reply->head.status == 200);
    CHECK(reply->body == std::to_string(i * 1000));
  }
  CHECK((*client)->usable());
}

Task<> uploads(Bench& bench, std::uint64_t size) {
  auto client = co_await bench.connect();
  REQUIRE(client.has_value());
  for (int i = 0; i < 2; ++i) {
    Pattern source(size);
    std::uint64_t moved = 0;
    net::Moved count = [&moved](std::size_t bytes) { moved += bytes; };
    net::Call call("POST", "/count");
    const auto reply =
        co_await (*client)->upload(std::move(call), source, size, std::move(count));
    REQUIRE(reply.has_value());
    CHECK(reply->body == std::to_string(size));
    CHECK(moved == size);
    CHECK(bench.counter.sum == source.sum);
  }
}

/// Uploads that leave together: their sources, what moved, and the list that HttpClient takes.
struct Together {
  explicit Together(std::vector<std::pair<std::string, Pattern>> uploads_of) {
    for (auto& [target, source] : uploads_of) sources.push_back(source);
    moved.resize(sources.size());
    for (std::size_t i = 0; i < sources.size(); ++i) {
      net::Moved count = [this, i](std::size_t bytes) { moved[i] += bytes; };
      uploads.push_back({net::Call("POST", uploads_of[i].first), &sources[i], sources[i].size(),
                         std::move(count)});
    }
  }
  std::vector<Pattern> sources;
  std::vector<std::uint64_t> moved;
  std::vector<net::Upload> uploads;
};

Task<> uploads_together(Bench& bench) {
  auto client = co_await bench.connect();
  REQUIRE(client.has_value());
  Together batch({{"/count", Pattern(0)}, {"/count", Pattern(1)}, {"/count", Pattern(40'000)},
                  {"/count", Pattern(16'384)}, {"/count", Pattern(7)}});
  const auto replies = co_await (*client)->upload_together(batch.uploads);
  REQUIRE(replies.size() == 5);
  for (std::size_t i = 0; i < replies.size(); ++i) {
    REQUIRE(replies[i].has_value());
    CHECK(replies[i]->body == std::to_string(batch.sources[i].size()));
    CHECK(bench.counter.sums.at(i) == batch.sources[i].sum);
    CHECK(batch.moved[i] == batch.sources[i].size());
  }
  CHECK((*client)->usable());
  net::Call call("POST", "/count");
  const auto reply = co_await (*client)->call(std::move(call), "abc");
  CHECK((reply && reply->body == "3"));
}

Task<> together_with_a_refusal(Bench& bench) {
  auto client = co_await bench.connect();
  REQUIRE(client.has_value());
  Together batch({{"/count", Pattern(5)}, {"/refuse", Pattern(6)}, {"/count", Pattern(7)}});
  const auto replies = co_await (*client)->upload_together(batch.uploads);
  REQUIRE(replies.size() == 2);
  CHECK((replies[0] && replies[0]->head.status == 200));
  CHECK((replies[1] && replies[1]->head.status == 403));
  CHECK(batch.moved[2] == 0);
  CHECK(bench.counter.requests == 2);
  CHECK_FALSE((*client)->usable());
}

Task<> together_with_failing_sources(Bench& bench) {
  auto client = co_await bench.connect();
  REQUIRE(client.has_value());
  Together batch({{"/count", Pattern(5)}, {"/count", Pattern(9, 3)}, {"/count", Pattern(7)}});
  const auto replies = co_await (*client)->upload_together(batch.uploads);
  REQUIRE(replies.size() == 1);
  CHECK((replies[0] && replies[0]->body == "5"));
  Together first({{"/count", Pattern(9, 3)}, {"/count", Pattern(7)}});
  const auto none = co_await (*client)->upload_together(first.uploads);
  REQUIRE(none.size() == 1);
  CHECK((!none[0] && none[0].error().message() == "the disk is gone"));
  CHECK((*client)->usable());
  CHECK(bench.counter.requests == 1);
}

Task<> is_refused_early(Bench& bench) {
  auto client = co_await bench.connect();
  REQUIRE(client.has_value());
  constexpr std::uint64_t kSize = 200'000'000;
  Pattern source(kSize);
  std::uint64_t moved = 0;
  net::Moved count = [&moved](std::size_t bytes) { moved += bytes; };
  net::Call call("POST", "/refuse");
  const auto reply = co_await (*client)->upload(std::move(call), source, kSize, std::move(count));
  REQUIRE(reply.has_value());
  CHECK(reply->head.status == 403);
  CHECK(moved < kSize);
  CHECK_FALSE((*client)->usable());
}

Task<> source_fails(Bench& bench) {
  auto client = co_await bench.connect();
  REQUIRE(client.has_value());
  Pattern source(50'000'000, 20'000'000);
  net::Call call("POST", "/count");
  const auto reply = co_await (*client)->upload(std::move(call), source, 50'000'000, net::Moved());
  REQUIRE_FALSE(reply.has_value());
  CHECK(reply.error().code() == Errc::io);
  CHECK(reply.error().message() == "the disk is gone");
  CHECK_FALSE((*client)->usable());
}

Task<> wrong_pin(Bench& bench) {
  const auto client = co_await bench.connect(test_identity("client").fingerprint());
  REQUIRE_FALSE(client.has_value());
  CHECK(client.error().code() == Errc::identity);
  CHECK(client.error().message().find("not the expected one") != std::string::npos);
}

Task<> right_pin(Bench& bench) {
  auto client = co_await bench.connect(test_identity("server").fingerprint());
  REQUIRE(client.has_value());
  CHECK((*client)->peer_fingerprint() == test_identity("server").fingerprint());
  net::Call call("GET", "/count");
  const auto reply = co_await (*client)->call(std::move(call), std::string_view());
  REQUIRE(reply.has_value());
  CHECK(bench.counter.fingerprint == test_identity("client").fingerprint());
}

Task<> nobody_listens(Bench& bench) {
  bench.endpoint.port = 1;
  const auto client = co_await bench.connect();
  REQUIRE_FALSE(client.has_value());
  CHECK(client.error().code() == Errc::unreachable);
}

/// Raw bytes to the plain port, and all that comes back until the server closes.
Task<> raw(Bench& bench, std::string bytes, std::string& answer) {
  net::TcpSocket socket(bench.context.get_executor());
  const net::asio::ip::tcp::endpoint to(net::asio::ip::make_address("127.0.0.1"),
                                        bench.endpoint.port);
  co_await socket.async_connect(to, net::use_task);
  auto [failed, sent] =
      co_await socket.async_write_some(net::asio::buffer(bytes), net::use_tuple);
  CHECK_FALSE(failed);
  CHECK(sent == bytes.size());
  std::array<char, 4096> buffer{};
  while (true) {
    auto [ec, got] = co_await socket.async_read_some(net::asio::buffer(buffer), net::use_tuple);
    answer.append(buffer.data(), got);
    if (ec) co_return;
  }
}

}  // namespace

Task<> fails_inside(Bench& bench) {
  for (const std::string target : {"/throw", "/throw", "/count"}) {
    auto client = co_await bench.connect();
    REQUIRE(client.has_value());
    net::Call call("POST", target);
    const auto reply = co_await (*client)->call(std::move(call), "body");
    REQUIRE(reply.has_value());
    CHECK(reply->head.status == (target == "/count" ? 200 : 500));
  }
}

TEST_CASE("A handler that throws is answered, logged as an error, and stops nobody") {
  std::vector<std::string> lines;
  set_log(LogLevel::error, [&lines](LogLevel, const std::string& line) { lines.push_back(line); });
  Bench bench(Scheme::https);
  bench.run([](Bench& running) { return fails_inside(running); });
  CHECK(lines == std::vector<std::string>{"127.0.0.1: POST /throw failed inside: no memory, say"});
  log_repeated(Clock::now() + std::chrono::seconds(11));
  REQUIRE(lines.size() == 2);
  CHECK(lines[1].ends_with("no memory, say (1 more in ten seconds)"));
  set_log(LogLevel::error, {});
}

TEST_CASE("Requests share a connection") {
  const auto scheme = GENERATE(Scheme::http, Scheme::https);
  Bench bench(scheme);
  bench.run(keeps_alive);
  CHECK(bench.counter.requests == 5);
}

TEST_CASE("Uploads of every size arrive byte for byte") {
  const auto scheme = GENERATE(Scheme::http, Scheme::https);
  const auto size = GENERATE(std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{16384},
                             std::uint64_t{256 * 1024 - 300}, std::uint64_t{256 * 1024},
                             std::uint64_t{256 * 1024 + 1}, std::uint64_t{5'000'003});
  INFO(to_string(scheme) << " " << size);
  Bench bench(scheme);
  bench.run([size](Bench& b) { return uploads(b, size); });
}

TEST_CASE("Small uploads leave together and are answered in order") {
  const auto scheme = GENERATE(Scheme::http, Scheme::https);
  SECTION("all are taken") {
    Bench bench(scheme);
    bench.run(uploads_together);
    CHECK(bench.counter.requests == 6);
  }
  SECTION("a refusal in the middle ends the connection") {
    Bench bench(scheme);
    bench.run(together_with_a_refusal);
  }
  SECTION("a source that fails holds up what is behind it") {
    Bench bench(scheme);
    bench.run(together_with_failing_sources);
  }
}

TEST_CASE("An early refusal is heard and ends the sending") {
  const auto scheme = GENERATE(Scheme::http, Scheme::https);
  Bench bench(scheme);
  bench.run(is_refused_early);
}

TEST_CASE("A failing source breaks the connection and never looks like a whole file") {
  const auto scheme = GENERATE(Scheme::http, Scheme::https);
  Bench bench(scheme);
  bench.run(source_fails);
  CHECK_FALSE(bench.counter.failure.message().empty());
}

TEST_CASE("Certificates are pinned in the handshake, both sides learn who the other is") {
  SECTION("wrong") {
    Bench bench(Scheme::https);
    bench.run(wrong_pin);
    CHECK(bench.counter.requests == 0);
  }
  SECTION("right") {
    Bench bench(Scheme::https);
    bench.run(right_pin);
    CHECK(bench.counter.requests == 1);
  }
}

TEST_CASE("A port where nobody listens is unreachable") {
  Bench bench(Scheme::https);
  bench.run(nobody_listens);
}

TEST_CASE("Raw requests: pipelines, 100-continue, garbage, silence") {
  struct Case {
    std::string bytes;
    std::vector<std::string> answers;  ///< status codes in order
  };
  const std::string one = "POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi";
  const std::string last =
      "POST /count HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2\r\nhi\r\n0\r\n\r\n";
  const Case cases[] = {
      {one + one + last, {"200", "200", "200"}},
      {"\r\n\r\n" + last, {"200"}},
      {"POST /count HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nConnection: close\r\n"
       "Content-Length: 2\r\n\r\nhi",
       {"100", "200"}},
      {"POST /refuse HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n",
       {"403"}},
      {"GET / HTTP/1.1\r\n\r\n", {"400"}},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", {"400"}},
      {std::string("\x01\x02\x03garbage", 10), {"400"}},
      {"GET / HTTP/1.1\nHost: h\n\n", {"400"}},
      {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(20000, 'x'), {"400"}},
      {"", {}},
  };
  for (const auto& c : cases) {
    INFO(c.bytes.substr(0, 100));
    net::ServerLimits limits;
    limits.keep_alive = Duration(300);
    limits.head = Duration(300);
    Bench bench(Scheme::http, net::Speaks::http_and_https, limits);
    std::string answer;
    bench.run([&](Bench& b) { return raw(b, c.bytes, answer); });
    std::vector<std::string> statuses;
    for (std::size_t at = 0; (at = answer.find("HTTP/1.1 ", at)) != std::string::npos; ++at)
      statuses.push_back(answer.substr(at + 9, 3));
    CHECK(statuses == c.answers);
  }
}

TEST_CASE("A port that speaks TLS only gives plain HTTP nothing") {
  Bench bench(Scheme::http, net::Speaks::https);
  std::string answer;
  bench.run([&](Bench& b) { return raw(b, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", answer); });
  CHECK(answer.find("HTTP") == std::string::npos);
  CHECK(bench.counter.requests == 0);
}
