#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string_view>
#include <thread>

#include "catch.hpp"
#include "lsend/storage/inbox.hpp"
#include "lsend/storage/part_label.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kSize = 300'000;

std::string content() {
  std::string text(kSize, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i * i % 23);
  return text;
}

std::string sha256_of(std::string_view text) {
  Sha256 digest;
  digest.update(bytes_of(text));
  return digest.finish_hex();
}

PartLabel label() {
  PartLabel label{Fingerprint(std::string(64, 'A')), "d\xC3\xBC/n \"1\"", kSize};
  label.modified = parse_rfc3339("2026-01-02T03:04:05.123456789Z");
  return label;
}

struct Fixture {
  TempFolder temp;
  fs::path folder = temp / "in";
  Inbox inbox = *Inbox::open(folder);
  std::string text = content();

  /// An upload that broke off after so many bytes.
  void keep(std::size_t bytes) const {
    auto part = inbox.create_part(kSize, true);
    REQUIRE(part.has_value());
    part->set_label(label());
    REQUIRE(part->write(bytes_of(std::string_view(text).substr(0, bytes))).has_value());
    part->keep();
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder / ".lsend"), fs::directory_iterator()));
  }
  fs::path path_of(const KeptPart& part) const { return folder / ".lsend" / part.name; }
  fs::path label_of(const KeptPart& part) const {
    return folder / ".lsend" / (part.name + ".json");
  }
  PublishTerms terms(std::optional<std::string> sha256 = std::nullopt) const {
    return {{"n"}, kSize, std::move(sha256), std::nullopt};
  }
};

}  // namespace

TEST_CASE("a part that is kept is found and goes on to the whole file") {
  const Fixture f;
  f.keep(200'000);
  const auto kept = f.inbox.kept_parts();
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].label == label());
  CHECK(kept[0].bytes == 200'000);
  auto part = f.inbox.reopen(kept[0]);
  REQUIRE(part.has_value());
  CHECK(part->take_over(150'000).value() == std::uint64_t{150'000});
  CHECK(part->take_over(150'000).value() == std::uint64_t{50'000});
  CHECK(part->take_over(150'000).value() == std::uint64_t{0});
  const auto point = part->settle_beginning();
  REQUIRE(point.has_value());
  CHECK(*point == ResumePoint{200'000, sha256_of(std::string_view(f.text).substr(0, 200'000))});
  REQUIRE(part->write(bytes_of(std::string_view(f.text).substr(200'000))).has_value());
  const auto stored = part->commit(f.terms(sha256_of(f.text)));
  REQUIRE(stored.has_value());
  CHECK(stored->sha256 == sha256_of(f.text));
  CHECK(read_text(f.folder / "n") == f.text);
  CHECK(f.entries() == 0);
}

TEST_CASE("what is not taken over is thrown away") {
  const Fixture f;
  f.keep(200'000);
  auto part = f.inbox.reopen(f.inbox.kept_parts().at(0));
  REQUIRE(part.has_value());
  REQUIRE(part->take_over(1'000).has_value());
  CHECK(part->settle_beginning()->offset == 1'000);
  REQUIRE(part->write(bytes_of(std::string_view(f.text).substr(1'000))).has_value());
  REQUIRE(part->commit(f.terms(sha256_of(f.text))).has_value());
  CHECK(read_text(f.folder / "n") == f.text);
}

TEST_CASE("a part that was whole leaves its last byte to come") {
  const Fixture f;
  f.keep(kSize);
  auto part = f.inbox.reopen(f.inbox.kept_parts().at(0));
  REQUIRE(part.has_value());
  CHECK(part->take_over(10 * kSize).value() == kSize - 1);
}

TEST_CASE("a damaged beginning never becomes a file with another digest") {
  const Fixture f;
  f.keep(200'000);
  const auto kept = f.inbox.kept_parts().at(0);
  {
    std::fstream file(f.path_of(kept), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(77);
    file.put('\0');
  }
  auto part = f.inbox.reopen(kept);
  REQUIRE(part->take_over(kSize).value() == std::uint64_t{200'000});
  CHECK(part->settle_beginning()->sha256_prefix !=
        sha256_of(std::string_view(f.text).substr(0, 200'000)));
  REQUIRE(part->write(bytes_of(std::string_view(f.text).substr(200'000))).has_value());
  CHECK(part->commit(f.terms(sha256_of(f.text))).error().code() == Errc::checksum_mismatch);
  CHECK_FALSE(fs::exists(f.folder / "n"));
  CHECK(f.entries() == 0);
}

TEST_CASE(
    "a part in use is nobody else's, one that is dropped is gone, one that is kept again stays") {
  const Fixture f;
  f.keep(200'000);
  const auto kept = f.inbox.kept_parts().at(0);
  {
    auto part = f.inbox.reopen(kept);
    REQUIRE(part.has_value());
    CHECK(f.inbox.reopen(kept).error().code() == Errc::busy);
    CHECK(f.inbox.kept_parts().empty());
    REQUIRE(part->take_over(150'000).has_value());
    REQUIRE(part->settle_beginning().has_value());
    REQUIRE(part->write(bytes_of("more")).has_value());
    part->keep();
  }
  REQUIRE(f.inbox.kept_parts().size() == 1);
  CHECK(f.inbox.kept_parts()[0].bytes == 150'004);
  {
    auto part = f.inbox.reopen(kept);
    REQUIRE(part.has_value());
  }
  CHECK(f.entries() == 0);
  CHECK_FALSE(f.inbox.reopen(kept).has_value());
}

TEST_CASE("a new part is in use from its beginning, and its label can precede its end") {
  const Fixture f;
  auto part = f.inbox.create_part(kSize, true);
  part->set_label(label());
  REQUIRE(part->write(bytes_of("abc")).has_value());
  REQUIRE(part->write_label().has_value());
  CHECK(f.entries() == 2);
  CHECK(f.inbox.kept_parts().empty());
  REQUIRE(part->write(bytes_of(std::string_view(f.text).substr(3))).has_value());
  REQUIRE(part->commit(f.terms()).has_value());
  CHECK(f.entries() == 0);
}

TEST_CASE("however often somebody looks, a part that lives is in use") {
  const Fixture f;
  const auto other = *Inbox::open(f.folder);
  std::atomic<bool> stop = false;
  std::thread looks([&] {
    // As a second receiver does, and as a program does that knows flock(2) only.
    while (!stop) {
      (void)other.leftover();
      for (const auto& entry : fs::directory_iterator(f.folder / ".lsend")) {
        const UniqueFd fd(open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
        if (fd) (void)flock(fd.get(), LOCK_SH | LOCK_NB);
      }
    }
  });
  std::size_t unlocked = 0, listed = 0;
  for (int i = 0; i < 400; ++i) {
    auto part = f.inbox.create_part(kSize, true);
    part->set_label(label());
    if (!part->write(bytes_of("abc")) || !part->write_label()) break;
    listed += other.kept_parts().size();
    for (const auto& entry : fs::directory_iterator(f.folder / ".lsend")) {
      if (entry.path().extension() == ".json") continue;
      const UniqueFd fd(open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
      if (fd && flock(fd.get(), LOCK_SH | LOCK_NB) == 0) ++unlocked;
    }
  }
  stop = true;
  looks.join();
  CHECK(unlocked == 0);
  CHECK(listed == 0);
}

TEST_CASE("looking at a kept part keeps nobody from going on with it") {
  const Fixture f;
  f.keep(200'000);
  const auto kept = f.inbox.kept_parts().at(0);
  std::atomic<bool> stop = false;
  std::thread looks([&] {
    while (!stop) (void)f.inbox.kept_parts(), (void)f.inbox.leftover();
  });
  int taken = 0;
  for (int i = 0; i < 300; ++i) {
    auto part = f.inbox.reopen(kept);
    if (!part || !part->take_over(200'000) || !part->settle_beginning()) break;
    ++taken;
    part->keep();
  }
  stop = true;
  looks.join();
  CHECK(taken == 300);
}

TEST_CASE("the length of a part is what came, whatever was set aside") {
  const Fixture f;
  auto part = f.inbox.create_part(50'000'000, true);
  part->set_label(label());
  REQUIRE(part->write(bytes_of(f.text)).has_value());
  REQUIRE(part->write_label().has_value());
  struct stat status {};
  for (const auto& entry : fs::directory_iterator(f.folder / ".lsend"))
    if (entry.path().extension() != ".json") REQUIRE(stat(entry.path().c_str(), &status) == 0);
  CHECK(static_cast<std::uint64_t>(status.st_size) == kSize);
  part->keep();
}

TEST_CASE("nothing is kept without a label, without bytes, or once it is whole") {
  const Fixture f;
  {
    auto part = f.inbox.create_part(kSize, true);
    REQUIRE(part->write(bytes_of("abc")).has_value());
    part->keep();
    auto empty = f.inbox.create_part(kSize, true);
    empty->set_label(label());
    empty->keep();
    auto whole = f.inbox.create_part(kSize, true);
    whole->set_label(label());
    REQUIRE(whole->write(bytes_of(f.text)).has_value());
    REQUIRE(whole->seal(f.terms()).has_value());
    whole->keep();
  }
  CHECK(f.entries() == 0);
}

TEST_CASE("what does not look as we left it is no part to go on with") {
  const Fixture f;
  f.keep(200'000);
  const auto kept = f.inbox.kept_parts().at(0);
  const auto path = f.path_of(kept);
  const auto labelled = f.label_of(kept);
  SECTION("a label that is damaged") {
    fs::resize_file(labelled, fs::file_size(labelled) - 3);
    CHECK(f.inbox.kept_parts().empty());
  }
  SECTION("a label that is a link") {
    fs::rename(labelled, f.temp / "elsewhere");
    fs::create_symlink(f.temp / "elsewhere", labelled);
    CHECK(f.inbox.kept_parts().empty());
  }
  SECTION("a label that is a pipe") {
    fs::remove(labelled);
    REQUIRE(mkfifo(labelled.c_str(), 0600) == 0);
    CHECK(f.inbox.kept_parts().empty());
  }
  SECTION("a label without end") {
    fs::resize_file(labelled, 10'000'000);
    CHECK(f.inbox.kept_parts().empty());
  }
  SECTION("a part that is a link") {
    fs::rename(path, f.temp / "elsewhere");
    fs::create_symlink(f.temp / "elsewhere", path);
    CHECK(f.inbox.kept_parts().empty());
    CHECK_FALSE(f.inbox.reopen(kept).has_value());
  }
  SECTION("a part with a second name") {
    fs::create_hard_link(path, f.temp / "elsewhere");
    CHECK(f.inbox.kept_parts().empty());
    CHECK_FALSE(f.inbox.reopen(kept).has_value());
  }
  SECTION("a part that others can write") {
    REQUIRE(chmod(path.c_str(), 0666) == 0);
    CHECK(f.inbox.kept_parts().empty());
    CHECK_FALSE(f.inbox.reopen(kept).has_value());
  }
  SECTION("an empty part") {
    fs::resize_file(path, 0);
    CHECK(f.inbox.kept_parts().empty());
  }
  SECTION("another owner") {
    if (geteuid() != 0) return;
    REQUIRE(chown(labelled.c_str(), 12345, 12345) == 0);
    CHECK(f.inbox.kept_parts().empty());
    REQUIRE(chown(path.c_str(), 12345, 12345) == 0);
    CHECK_FALSE(f.inbox.reopen(kept).has_value());
  }
  SECTION("a part that is gone") {
    fs::remove(path);
    CHECK(f.inbox.kept_parts().empty());
    CHECK(f.inbox.sweep_stale_parts(kStaleParts) == 1);
    CHECK_FALSE(fs::exists(labelled));
  }
}

TEST_CASE("the sweep takes a stale part and its label, and leaves a fresh pair") {
  const Fixture f;
  f.keep(200'000);
  CHECK(f.inbox.sweep_stale_parts(kStaleParts) == 0);
  CHECK(f.entries() == 2);
  CHECK(f.inbox.sweep_stale_parts(std::chrono::seconds(-1)) == 2);
  CHECK(f.entries() == 0);
}

TEST_CASE("a label comes back as it was written") {
  CHECK(parse_part_label(encode_part_label(label())) == label());
  auto more = label();
  more.sha256 = std::string(64, 'b');
  more.modified.reset();
  more.size = std::uint64_t{0} - 1;
  CHECK(parse_part_label(encode_part_label(more)) == more);
}

TEST_CASE("what is no label") {
  const std::string sender = R"("sender":")" + std::string(64, 'A') + "\"";
  const std::string good = R"({"v":1,)" + sender + R"(,"name":"n","size":5})";
  REQUIRE(parse_part_label(good).has_value());
  const std::vector<std::string> bad = {
      "",
      "{",
      "[]",
      "null",
      good + "x",
      R"({"v":2,)" + sender + R"(,"name":"n","size":5})",
      R"({)" + sender + R"(,"name":"n","size":5})",
      R"({"v":1,"sender":"A","name":"n","size":5})",
      R"({"v":1,"sender":")" + std::string(64, 'a') + R"(","name":"n","size":5})",
      R"({"v":1,)" + sender + R"(,"name":"","size":5})",
      R"({"v":1,)" + sender + R"(,"name":5,"size":5})",
      R"({"v":1,)" + sender + R"(,"name":")" + std::string(4097, 'n') + R"(","size":5})",
      R"({"v":1,)" + sender + R"(,"name":"n","size":0})",
      R"({"v":1,)" + sender + R"(,"name":"n","size":-5})",
      R"({"v":1,)" + sender + R"(,"name":"n","size":"5"})",
      R"({"v":1,)" + sender + R"(,"name":"n","size":1e30})",
      R"({"v":1,)" + sender + R"(,"name":"n","size":5,"more":1})",
      R"({"v":1,)" + sender + R"(,"name":"n","size":5,"sha256":null})",
      R"({"v":1,)" + sender + R"(,"name":"n","size":5,"sha256":")" + std::string(64, 'B') + "\"}",
      R"({"v":1,)" + sender + R"(,"name":"n","size":5,"modified":"yesterday"})",
      std::string(20'000, '['),
      std::string(kMaxPartLabel + 1, ' '),
  };
  for (const auto& text : bad) {
    INFO(text.substr(0, 200));
    CHECK_FALSE(parse_part_label(text).has_value());
  }
}
