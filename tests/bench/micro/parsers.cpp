#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "lsend/net/chunked.hpp"
#include "lsend/net/http_head.hpp"
#include "lsend/protocol/codec.hpp"
#include "lsend/protocol/query.hpp"
#include "lsend/protocol/routes.hpp"

namespace {

using namespace lsend;

PrepareUpload offer(std::size_t files) {
  PrepareUpload request;
  request.info.alias = "bench";
  request.info.version = kOurVersion;
  request.info.port = kDefaultPort;
  for (std::size_t i = 0; i < files; ++i) {
    FileInfo file;
    file.id = FileId("7e6a7a0e-0a2f-4c56-9d0c-" + std::to_string(100000000000 + i));
    file.file_name = "folder/sub folder/file " + std::to_string(i) + ".bin";
    file.size = 4096;
    file.file_type = "application/octet-stream";
    request.files.push_back(std::move(file));
  }
  return request;
}

void request_head(benchmark::State& state) {
  const std::string head =
      "POST /api/localsend/v2/upload?sessionId=Rj0ZyUpVfOm6Ir0y9WcRmQ"
      "&fileId=7e6a7a0e-0a2f-4c56-9d0c-7f5a3b1c2d3e&token=0ZyUpVfOm6Ir0y9WcRmQRj HTTP/1.1\r\n"
      "Host: 127.0.0.1:53317\r\nUser-Agent: lsend/1.0\r\n"
      "Content-Type: application/octet-stream\r\nContent-Length: 4096\r\n\r\n";
  for (auto _ : state) benchmark::DoNotOptimize(net::parse_request_head(head));
}
BENCHMARK(request_head);

void response_head(benchmark::State& state) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  for (auto _ : state) benchmark::DoNotOptimize(net::parse_response_head(head));
}
BENCHMARK(response_head);

void upload_query(benchmark::State& state) {
  const std::string target =
      "/api/localsend/v2/upload?sessionId=Rj0ZyUpVfOm6Ir0y9WcRmQ"
      "&fileId=7e6a7a0e-0a2f-4c56-9d0c-7f5a3b1c2d3e&token=0ZyUpVfOm6Ir0y9WcRmQRj";
  for (auto _ : state) {
    const auto parsed = protocol::parse_target(target);
    benchmark::DoNotOptimize(parsed);
  }
}
BENCHMARK(upload_query);

void encode_offer(benchmark::State& state) {
  const auto request = offer(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state)
    benchmark::DoNotOptimize(protocol::codec_v2().encode_prepare_upload(request));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(encode_offer)->Arg(1)->Arg(10'000);

void decode_offer(benchmark::State& state) {
  const auto text =
      protocol::codec_v2().encode_prepare_upload(offer(static_cast<std::size_t>(state.range(0))));
  for (auto _ : state) {
    const auto request = protocol::codec_v2().decode_prepare_upload(
        text, protocol::DeviceDefaults(), protocol::JsonLimits());
    if (!request) state.SkipWithError("the offer is not understood");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(decode_offer)->Arg(1)->Arg(10'000);

void chunked_body(benchmark::State& state) {
  std::string chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
  std::string body;
  for (int i = 0; i < 8; ++i) body += chunk;
  std::vector<char> raw(body.begin(), body.end());
  for (auto _ : state) {
    raw.assign(body.begin(), body.end());
    net::ChunkDecoder decoder;
    benchmark::DoNotOptimize(decoder.decode(std::as_writable_bytes(std::span(raw))));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(chunked_body);

}  // namespace
