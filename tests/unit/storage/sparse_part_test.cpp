// Files with holes, and room that is set aside for those without.
#include <sys/stat.h>

#include <optional>

#include "catch.hpp"
#include "lsend/storage/inbox.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;
constexpr std::uint64_t kEnough = std::uint64_t{1} << 40U;

struct Fixture {
  TempFolder temp;
  fs::path folder = temp / "in";
  Inbox inbox = Inbox::open(folder).value();
  std::string text = content();

  /// 8 MiB: 100 bytes, a hole, a page in the middle, a hole, and a hole at the end.
  static std::string content() {
    std::string bytes(8 * kMiB, '\0');
    bytes.replace(0, 100, std::string(100, 'a'));
    bytes.replace(3 * kMiB + 5, 4096, std::string(4096, 'b'));
    return bytes;
  }
  std::uint64_t blocks(const fs::path& path) const {
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
};

Holes holes(std::uint64_t allocated, std::uint64_t room = kEnough) {
  return {allocated, [room](std::uint64_t) { return Result<std::uint64_t>(room); }};
}

std::string sha256_of(std::string_view text) {
  Sha256 digest;
  digest.update(bytes_of(text));
  return digest.finish_hex();
}

PartLabel label(std::uint64_t size) {
  PartLabel label{Fingerprint(std::string(64, 'A')), "n", size};
  label.modified = parse_rfc3339("2026-01-02T03:04:05Z");
  return label;
}

}  // namespace

TEST_CASE("zeros of a file with holes are holes, however its bytes come") {
  for (const std::size_t step : {std::size_t{1000}, std::size_t{4096}, 256 * 1024 - std::size_t{7}}) {
    INFO("in steps of " << step);
    const Fixture f;
    if (!f.inbox.keeps_holes()) return;
    auto part = f.inbox.create_part(f.text.size(), true, holes(16 * 1024));
    REQUIRE(part.has_value());
    for (std::size_t at = 0; at < f.text.size(); at += step)
      REQUIRE(part->write(bytes_of(std::string_view(f.text).substr(at, step))).has_value());
    CHECK(part->slow_to_seal());
    const auto stored = part->commit({{"n"}, f.text.size(), sha256_of(f.text), std::nullopt});
    REQUIRE(stored.has_value());
    CHECK(stored->sha256 == sha256_of(f.text));
    CHECK(read_text(f.folder / "n") == f.text);
    CHECK(f.blocks(f.folder / "n") <= 64 * 1024);
  }
}

TEST_CASE("zeros of any other file are bytes") {
  const Fixture f;
  auto part = f.inbox.create_part(f.text.size(), false);
  REQUIRE(part->write(bytes_of(f.text)).has_value());
  CHECK_FALSE(part->slow_to_seal());
  REQUIRE(part->commit({{"n"}, f.text.size(), std::nullopt, std::nullopt}).has_value());
  CHECK(f.blocks(f.folder / "n") >= f.text.size());
}

TEST_CASE("a file of nothing but a hole takes nothing") {
  const Fixture f;
  if (!f.inbox.keeps_holes()) return;
  auto part = f.inbox.create_part(kMiB, false, holes(0));
  REQUIRE(part->write(bytes_of(std::string(kMiB, '\0'))).has_value());
  REQUIRE(part->commit({{"n"}, kMiB, std::nullopt, std::nullopt}).has_value());
  CHECK(fs::file_size(f.folder / "n") == kMiB);
  CHECK(f.blocks(f.folder / "n") == 0);
}

TEST_CASE("whoever brings more than was said asks the disk, and stops where it has no room") {
  const Fixture f;
  std::uint64_t asked = 0;
  std::uint64_t room = 2 * kMiB;
  const Holes lie{100, [&](std::uint64_t own) {
                    ++asked;
                    CHECK(own <= 100);
                    return Result<std::uint64_t>(room);
                  }};
  auto part = f.inbox.create_part(8 * kMiB, false, lie);
  REQUIRE(part.has_value());
  const std::string more(256 * 1024, 'x');
  Result<> written;
  std::uint64_t came = 0;
  for (int i = 0; i < 32 && written; ++i) {
    written = part->write(bytes_of(more));
    if (!written) break;
    came += more.size();
    room -= more.size();
  }
  REQUIRE(!written);
  CHECK(asked >= 2);
  CHECK(came <= 2 * kMiB);
  CHECK(written.error() ==
        Error(Errc::no_space,
              "no room for more of a file that was announced with 100 B on the disk and has "
              "more: make room, or lower the reserve (--min-free)"));
}

TEST_CASE("a file with holes that breaks off goes on with its holes") {
  const Fixture f;
  if (!f.inbox.keeps_holes()) return;
  {
    auto part = f.inbox.create_part(f.text.size(), true, holes(16 * 1024));
    part->set_label(label(f.text.size()));
    REQUIRE(part->write(bytes_of(std::string_view(f.text).substr(0, 2 * kMiB))).has_value());
    part->keep();
  }
  const auto kept = f.inbox.kept_parts();
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].bytes == 2 * kMiB);
  CHECK(kept[0].allocated <= 16 * 1024);
  auto part = f.inbox.reopen(kept[0]);
  REQUIRE(part.has_value());
  CHECK(part->take_over(kEnough).value() == 2 * kMiB);
  const auto point = part->settle_beginning();
  REQUIRE(point.has_value());
  CHECK(point->sha256_prefix == sha256_of(std::string_view(f.text).substr(0, 2 * kMiB)));
  part->set_holes(holes(16 * 1024));
  REQUIRE(part->write(bytes_of(std::string_view(f.text).substr(2 * kMiB))).has_value());
  REQUIRE(part->commit({{"n"}, f.text.size(), sha256_of(f.text), std::nullopt}).has_value());
  CHECK(read_text(f.folder / "n") == f.text);
  CHECK(f.blocks(f.folder / "n") <= 64 * 1024);
}

TEST_CASE("room is set aside in steps, ahead of what comes") {
  const Fixture f;
  constexpr std::uint64_t kStep = 16 * kMiB;
  auto part = f.inbox.create_part(100 * kMiB, false);
  REQUIRE(part.has_value());
  const auto path = fs::directory_iterator(f.folder / ".lsend")->path();
  CHECK(f.blocks(path) <= kStep + kMiB);
  const std::string text(kMiB, 'x');
  for (int i = 0; i < 20; ++i) REQUIRE(part->write(bytes_of(text)).has_value());
  CHECK(f.blocks(path) <= 2 * kStep + kMiB);
  CHECK(fs::file_size(path) == 20 * kMiB);
}

TEST_CASE("what is large is closed by who takes that over") {
  Fixture f;
  std::size_t closed = 0;
  f.inbox.close_with([&](UniqueFd fd) { closed += fd ? 1 : 0; });
  { auto small = f.inbox.create_part(1'000'000, false); }
  CHECK(closed == 0);
  { auto large = f.inbox.create_part(32 * kMiB, false); }
  CHECK(closed == 1);
  CHECK(parts_in(f.folder) == 0);
}
