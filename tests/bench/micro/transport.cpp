#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lsend/identity/identity.hpp"
#include "lsend/net/http_client.hpp"
#include "lsend/net/http_server.hpp"

namespace {

using namespace lsend;
using net::Task;

/// A key and certificate made for this run.
const net::TlsContext& context() {
  static const net::TlsContext made = [] {
    std::string folder = (std::filesystem::temp_directory_path() / "lsend-micro-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) std::abort();
    const auto identity = identity::Identity::load_or_create(folder);
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    if (!identity) std::abort();
    auto tls = net::TlsContext::make(identity->certificate(), identity->key());
    if (!tls) std::abort();
    return std::move(*tls);
  }();
  return made;
}

/// Reads every body to its end and forgets it.
class Nowhere final : public net::RequestHandler {
 public:
  Task<> handle(net::Exchange& exchange) override {
    while (true) {
      const auto got = co_await exchange.read_body(buffer_);
      if (!got || *got == 0) break;
    }
    net::Answer answer(200);
    co_await exchange.respond(std::move(answer));
  }
  net::Answer refuse(const Error&) override { return net::Answer(400); }

 private:
  std::vector<std::byte> buffer_ = std::vector<std::byte>(256 * 1024);
};

class Memory final : public ByteSource {
 public:
  explicit Memory(std::uint64_t size) : left_(size) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer.size()));
    left_ -= size;
    return size;
  }

 private:
  std::uint64_t left_;
};

Task<> upload_all(const net::TlsContext& tls, Endpoint endpoint, benchmark::State& state) {
  const auto size = static_cast<std::uint64_t>(state.range(0));
  auto client = co_await net::HttpClient::connect(tls, endpoint, net::ConnectOptions());
  if (!client) state.SkipWithError("no connection");
  if (!client) co_return;
  for (auto _ : state) {
    Memory source(size);
    net::Call call("POST", "/upload");
    net::Moved moved;
    const auto reply = co_await (*client)->upload(std::move(call), source, size, std::move(moved));
    if (!reply) state.SkipWithError("an upload failed");
  }
}

/// Both ends of a kept-alive connection in one thread, memory to nowhere; `range(0)` bytes each.
void upload(benchmark::State& state, Scheme scheme) {
  net::asio::io_context io;
  Nowhere handler;
  net::HttpServer server(io.get_executor(), context(), handler, net::Speaks::http_and_https,
                         net::ServerLimits());
  const auto port = server.listen(0, std::vector<std::string>{"127.0.0.1", "::1"});
  if (!port) std::abort();
  Endpoint endpoint;
  endpoint.scheme = scheme;
  endpoint.host = "127.0.0.1";
  endpoint.port = *port;
  net::TaskGroup group(io.get_executor());
  group.spawn(server.run());
  net::asio::co_spawn(io, upload_all(context(), endpoint, state),
                      [&](std::exception_ptr) { server.stop(); });
  io.run();
  state.SetBytesProcessed(state.iterations() * state.range(0));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(upload, https, Scheme::https)->Arg(1)->Arg(4096)->Arg(64 << 20)->UseRealTime();
BENCHMARK_CAPTURE(upload, http, Scheme::http)->Arg(1)->Arg(4096)->Arg(64 << 20)->UseRealTime();

}  // namespace
