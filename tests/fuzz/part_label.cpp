// The label of a part, whatever it has become on the disk, is none, or says the same once it was
// written again.
#include "lsend/storage/part_label.hpp"

#include "check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lsend;
  using fuzz::require;
  const auto label = storage::parse_part_label(fuzz::text_of(data, size));
  if (!label) return 0;
  require(label->sender.is_sha256(), "a sender was proven");
  require(!label->file_name.empty() && label->size > 0, "a file has a name and bytes");
  require(storage::parse_part_label(storage::encode_part_label(*label)) == label,
          "what was written can be read");
  return 0;
}
