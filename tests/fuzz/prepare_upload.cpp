// Requests to receive, in both versions: what is understood means the same when written again.
#include <set>

#include "check.hpp"
#include "lsend/protocol/codec.hpp"

namespace {

using namespace lsend;
using fuzz::require;

const protocol::DeviceDefaults kDefaults;
const protocol::JsonLimits kLimits;

void check(const PrepareUpload& request) {
  require(!request.files.empty(), "a request offers a file");
  std::set<FileId> ids;
  for (const auto& file : request.files) {
    require(ids.insert(file.id).second, "an id is used once");
    require(file.id.str().size() <= kLimits.max_id, "an id keeps its limit");
    require(file.file_name.size() <= kLimits.max_file_name, "a name keeps its limit");
    require(!file.preview || is_message(request), "only a message has a preview");
  }
  require(request.info.alias.size() <= kLimits.max_alias, "an alias keeps its limit");
}

void check_again(const protocol::Codec& codec, const PrepareUpload& request) {
  const auto again =
      codec.decode_prepare_upload(codec.encode_prepare_upload(request), kDefaults, kLimits);
  require(again.has_value(), "what we write can be read");
  require(again->files.size() == request.files.size(), "no file gets lost");
  if (codec.name() != "v2") return;  // v1 has fewer words
  require(again->info == request.info && again->files == request.files, "v2 keeps all");
  require(again->resume.wanted == request.resume.wanted &&
              again->resume.session == request.resume.session,
          "the wish to resume comes back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const auto* codec : {&protocol::codec_v1(), &protocol::codec_v2()}) {
    const auto request =
        codec->decode_prepare_upload(fuzz::text_of(data, size), kDefaults, kLimits);
    if (!request) continue;
    check(*request);
    check_again(*codec, *request);
  }
  return 0;
}
