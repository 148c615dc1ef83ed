// Runs a fuzz target without a fuzzer: every file of the folders in argv as it is, then cut short
// and with single bytes changed, always the same ones.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kMutations = 2000;

std::vector<std::filesystem::path> files_of(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

Bytes read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

/// A copy of exactly its size, so that ASan sees a byte read behind the end.
void run(const Bytes& input) {
  const Bytes exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

/// At most about `count` inputs, spread over the whole file.
std::size_t run_mutations(const Bytes& original, std::size_t count) {
  static constexpr std::array<std::uint8_t, 6> bytes{0x00, 0x80, 0xFF, '"', '/', '9'};
  const std::size_t each = bytes.size() + 1;
  const std::size_t places =
      std::clamp<std::size_t>(count / each, 1, std::max<std::size_t>(original.size(), 1));
  std::size_t runs = 0;
  for (std::size_t i = 0; i < places && !original.empty(); ++i) {
    const std::size_t at = i * original.size() / places;
    run(Bytes(original.begin(), original.begin() + static_cast<std::ptrdiff_t>(at)));
    for (const std::uint8_t byte : bytes) {
      Bytes changed = original;
      changed[at] = byte;
      run(changed);
    }
    runs += each;
  }
  return runs;
}

}  // namespace

int main(int argc, char** argv) {
  const auto files = files_of(argc, argv);
  if (files.empty()) {
    std::fprintf(stderr, "no corpus: give folders with files in them\n");
    return 1;
  }
  std::size_t runs = files.size();
  for (const auto& file : files) {
    // Flushed before the run: the last line names the file that broke an invariant.
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);
    const Bytes original = read(file);
    run(original);
    runs += run_mutations(original, kMutations / files.size());
  }
  std::printf("%zu inputs\n", runs);
  return 0;
}
