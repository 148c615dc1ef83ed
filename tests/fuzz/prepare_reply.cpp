// A peer's answer to our request: sessions and tokens within their limits.
#include <set>

#include "check.hpp"
#include "lsend/protocol/codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lsend;
  using fuzz::require;
  const protocol::JsonLimits limits;
  for (const auto* codec : {&protocol::codec_v1(), &protocol::codec_v2()}) {
    const auto reply = codec->decode_prepare_reply(fuzz::text_of(data, size), limits);
    if (!reply) continue;
    require(reply->session.empty() == (codec->name() == "v1"), "only v2 names its session");
    std::set<FileId> ids;
    for (const auto& [id, token] : reply->tokens) {
      require(ids.insert(id).second, "a file has one token");
      require(token.str().size() <= limits.max_token, "a token keeps its limit");
    }
    const auto again = codec->decode_prepare_reply(codec->encode_prepare_reply(*reply), limits);
    require(again && again->session == reply->session && again->tokens == reply->tokens,
            "an answer means the same when it is written again");
  }
  return 0;
}
