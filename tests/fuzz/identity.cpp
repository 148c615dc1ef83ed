// An identity.pem of any content is used as it is or refused, and never written over.
#include "lsend/identity/identity.hpp"

#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "check.hpp"
#include "temp_folder.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lsend;
  using fuzz::require;
  static const fuzz::TempFolder folder;
  const auto path = folder.path() / "identity.pem";
  const auto text = fuzz::text_of(data, size);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  require(::chmod(path.c_str(), 0600) == 0, "the file can be made private");

  const auto loaded = identity::Identity::load_or_create(folder.path());
  if (loaded) {
    require(loaded->key() != nullptr && loaded->certificate() != nullptr, "an identity is whole");
    require(loaded->fingerprint().is_sha256(), "an identity has a fingerprint");
    const auto again = identity::Identity::load_or_create(folder.path());
    require(again && again->fingerprint() == loaded->fingerprint(), "an identity stays the same");
  } else {
    require(loaded.error().code() == Errc::identity, "a refusal is about the identity");
  }
  std::ifstream file(path, std::ios::binary);
  require(std::string(std::istreambuf_iterator<char>(file), {}) == text, "the file is left alone");
  return 0;
}
