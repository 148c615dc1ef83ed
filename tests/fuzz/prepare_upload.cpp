// Requests to receive, in both versions: what is understood means the same when written again.
#include <set>

#include "check.hpp"
#include "lsend/protocol/codec.hpp"
#include "lsend/protocol/prepare_decoder.hpp"

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

/// Blocks of any size say the same, and counting costs nothing and refuses the same.
void check_blocks(const protocol::Codec& codec, std::string_view text,
                  const Result<PrepareUpload>& whole) {
  using Files = protocol::PrepareDecoder::Files;
  for (const auto files : {Files::keep, Files::count}) {
    protocol::PrepareDecoder decoder(codec.request_name(), kLimits, files);
    Result<PrepareUpload> read = fail(Errc::failed, "");
    Result<> fed;
    for (std::size_t at = 0, size = 1; fed && at < text.size(); at += size, size = size % 7 + 1)
      fed = decoder.feed(text.substr(at, size));
    read = fed ? decoder.finish(kDefaults) : Result<PrepareUpload>(fed.error());
    if (files == Files::keep) {
      require(read.has_value() == whole.has_value(), "blocks are no matter");
      require(!read || (read->files == whole->files && read->info == whole->info), "nor to files");
    } else if (whole) {
      require(read.has_value() && decoder.files() == whole->files.size(), "each file is counted");
      require(read->files.size() == 1, "one is kept");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const auto* codec : {&protocol::codec_v1(), &protocol::codec_v2()}) {
    const auto request =
        codec->decode_prepare_upload(fuzz::text_of(data, size), kDefaults, kLimits);
    check_blocks(*codec, fuzz::text_of(data, size), request);
    if (!request) continue;
    check(*request);
    check_again(*codec, *request);
  }
  return 0;
}
