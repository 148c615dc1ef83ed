#include "lib/app/hash_in_steps.hpp"

#include "lsend/storage/sha256.hpp"

namespace lsend::app {

namespace {
constexpr std::size_t kStep = 1024 * 1024;
}

net::Task<Result<std::string>> hash_in_steps(storage::LocalFile file, const CallOff& calls) {
  auto source = storage::FileSource::open(file);
  if (!source) co_return source.error();
  storage::Sha256 digest;
  std::vector<std::byte> buffer(kStep);
  while (true) {
    const auto count = (*source)->read(buffer);
    if (!count) co_return count.error();
    if (*count == 0) co_return digest.finish_hex();
    digest.update(std::span(buffer).first(*count));
    co_await net::sleep_for(Duration::zero());
    if (calls.stopped()) co_return calls.reason();
  }
}

}  // namespace lsend::app
