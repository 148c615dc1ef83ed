// A peer's answer to our request: sessions and tokens within their limits.
#include <map>
#include <set>
#include <string>

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
    using Points = std::map<FileId, std::string>;
    Points points, points_again;
    for (const auto& [id, point] : reply->points)
      points[id] = std::to_string(point.offset) + point.sha256_prefix;
    for (const auto& [id, point] : again->points)
      points_again[id] = std::to_string(point.offset) + point.sha256_prefix;
    require(again->resumes == reply->resumes && points_again == points, "points come back");
  }
  return 0;
}
