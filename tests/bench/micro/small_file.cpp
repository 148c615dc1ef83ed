#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "lsend/storage/file_source.hpp"
#include "lsend/storage/inbox.hpp"
#include "lsend/storage/safe_path.hpp"
#include "lsend/storage/sha256.hpp"

namespace {

using namespace lsend;
namespace fs = std::filesystem;

/// A folder of its own where memory is the disk, if there is one.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) /
                       "lsend-micro-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// From the first byte of a body to the published name; `range(0)` folders deep.
void store_small_file(benchmark::State& state) {
  const TempFolder folder;
  const auto inbox = storage::Inbox::open(folder.path() / "inbox");
  if (!inbox) std::abort();
  const std::vector<std::byte> bytes(4096, std::byte{42});
  std::size_t number = 0;
  for (auto _ : state) {
    storage::PublishTerms terms;
    for (int depth = 0; depth < state.range(0); ++depth) terms.name.push_back("folder");
    terms.name.push_back("file" + std::to_string(++number));
    terms.size = bytes.size();
    auto part = inbox->create_part(bytes.size(), true);
    if (!part || !part->write(bytes) || !part->commit(terms))
      state.SkipWithError("a file was not stored");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(store_small_file)->Arg(0)->Arg(1)->Arg(4)->Iterations(20'000);

void read_small_file(benchmark::State& state) {
  const TempFolder folder;
  storage::LocalFile file;
  file.path = folder.path() / "file";
  file.size = 4096;
  std::ofstream(file.path) << std::string(file.size, 'x');
  std::vector<std::byte> buffer(8192);
  for (auto _ : state) {
    const auto source = storage::FileSource::open(file);
    if (!source || !(*source)->read(buffer)) state.SkipWithError("a file was not read");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(read_small_file);

void digest(benchmark::State& state) {
  const std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)), std::byte{42});
  for (auto _ : state) {
    storage::Sha256 sha256;
    sha256.update(bytes);
    benchmark::DoNotOptimize(sha256.finish_hex());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(digest)->Arg(4096)->Arg(1 << 20);

void clean_name(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(storage::clean_file_name("photos/2026/summer/IMG_20260701.jpg"));
}
BENCHMARK(clean_name);

void random_token(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(storage::random_text());
}
BENCHMARK(random_token);

}  // namespace
