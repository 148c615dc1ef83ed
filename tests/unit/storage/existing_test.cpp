#include <sys/stat.h>

#include <vector>

#include "catch.hpp"
#include "lsend/storage/inbox.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;
namespace fs = std::filesystem;

namespace {

const std::string kHello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

struct Fixture {
  TempFolder temp;
  fs::path folder = temp / "in";
  Inbox inbox = Inbox::open(folder).value();
  std::atomic<bool> stop = false;
  DigestsRead read;

  Result<StoredFile> store(std::vector<std::string> name, std::string_view text,
                           Conflict conflict) {
    auto part = inbox.create_part(text.size(), true);
    if (!part) return part.error();
    if (auto ok = part->write(bytes_of(text)); !ok) return ok.error();
    return part->commit({std::move(name), text.size(), std::nullopt, std::nullopt, conflict});
  }
  std::optional<std::string> equal(std::vector<std::string> name) {
    // A file that changes within one tick of the clock keeps its time.
    read = DigestsRead();
    return inbox.find_equal(std::move(name), 5, kHello, read, stop);
  }
};

}  // namespace

TEST_CASE("a name that is taken: rename, skip, overwrite, fail") {
  struct Case {
    Conflict conflict;
    const char* path;  ///< where the newcomer is; null = refused
  };
  const std::vector<Case> cases = {{Conflict::rename, "d/a (1).txt"},
                                   {Conflict::skip, "d/a (1).txt"},
                                   {Conflict::overwrite, "d/a.txt"},
                                   {Conflict::fail, nullptr}};
  for (const auto& c : cases) {
    INFO(static_cast<int>(c.conflict));
    Fixture f;
    CHECK(f.store({"d", "a.txt"}, "old", c.conflict)->path == "d/a.txt");
    const auto stored = f.store({"d", "a.txt"}, "newer", c.conflict);
    CHECK(parts_in(f.folder) == 0);
    if (c.path) {
      CHECK(stored->path == c.path);
      CHECK(read_text(f.folder / c.path) == "newer");
    } else {
      CHECK(stored.error() ==
            Error(Errc::name_taken, "'d/a.txt' is there already (--conflict fail)"));
    }
    const bool replaced = c.conflict == Conflict::overwrite;
    CHECK(read_text(f.folder / "d/a.txt") == (replaced ? "newer" : "old"));
    CHECK(files_in(f.folder).size() == (c.path && !replaced ? 2U : 1U));
  }
}

TEST_CASE("overwriting replaces a link itself and nothing but files and links") {
  Fixture f;
  const auto outside = f.temp.write("outside.txt", "untouched");
  fs::create_symlink(outside, f.folder / "link");
  CHECK(f.store({"link"}, "new", Conflict::overwrite)->path == "link");
  CHECK(fs::is_regular_file(fs::symlink_status(f.folder / "link")));
  CHECK(read_text(outside) == "untouched");
  fs::create_directory(f.folder / "folder");
  REQUIRE(mkfifo((f.folder / "fifo").c_str(), 0600) == 0);
  for (const char* name : {"folder", "fifo"}) {
    INFO(name);
    const auto stored = f.store({name}, "new", Conflict::overwrite);
    REQUIRE(!stored);
    CHECK(stored.error() ==
          Error(Errc::name_taken,
                "'" + std::string(name) + "' is there and no file that could be replaced"));
  }
  CHECK(fs::is_directory(f.folder / "folder"));
  CHECK(fs::is_fifo(f.folder / "fifo"));
  CHECK(parts_in(f.folder) == 0);
}

TEST_CASE("a part that is not right replaces nothing") {
  Fixture f;
  f.temp.write("in/a.txt", "old");
  auto part = f.inbox.create_part(5, true);
  REQUIRE(part->write(bytes_of("hell0")).has_value());
  const auto stored = part->commit({{"a.txt"}, 5, kHello, std::nullopt, Conflict::overwrite});
  CHECK(stored.error().code() == Errc::checksum_mismatch);
  CHECK(read_text(f.folder / "a.txt") == "old");
}

TEST_CASE("a name is taken by whatever bears it") {
  Fixture f;
  f.temp.write("in/d/file", "x");
  fs::create_symlink(f.temp / "nothing", f.folder / "dangling");
  CHECK(f.inbox.is_taken({"d", "file"}).value());
  CHECK(f.inbox.is_taken({"dangling"}).value());
  CHECK(f.inbox.is_taken({"d"}).value());
  CHECK_FALSE(f.inbox.is_taken({"d", "other"}).value());
  CHECK_FALSE(f.inbox.is_taken({"e", "file"}).value());
  CHECK_FALSE(fs::exists(f.folder / "e"));
  CHECK(f.inbox.is_taken({"d", "file", "below"}).error().code() == Errc::name_refused);
  // The private folder is never looked into.
  CHECK_FALSE(f.inbox.is_taken({".lsend"}).value());
}

TEST_CASE("an equal file has the size and the digest, under the name or a numbered one") {
  Fixture f;
  CHECK(f.equal({"d", "a.txt"}) == std::nullopt);
  f.temp.write("in/d/a.txt", "hell0");
  CHECK(f.equal({"d", "a.txt"}) == std::nullopt);
  f.temp.write("in/d/a (1).txt", "longer");
  f.temp.write("in/d/a (2).txt", "hello");
  CHECK(f.equal({"d", "a.txt"}) == "d/a (2).txt");
  f.temp.write("in/d/a.txt", "hello");
  CHECK(f.equal({"d", "a.txt"}) == "d/a.txt");
  std::string upper = kHello;
  for (auto& c : upper) c = static_cast<char>(std::toupper(c));
  CHECK(f.inbox.find_equal({"d", "a.txt"}, 5, upper, f.read, f.stop) == "d/a.txt");
  CHECK(f.inbox.find_equal({"d", "a.txt"}, 6, kHello, f.read, f.stop) == std::nullopt);
  f.stop = true;
  CHECK(f.equal({"d", "a.txt"}) == std::nullopt);
}

TEST_CASE("a file is read once for a request, however many could equal it") {
  Fixture f;
  const auto path = f.temp.write("in/a.txt", "hello");
  CHECK(f.equal({"a.txt"}) == "a.txt");
  // The very same file with other bytes, which nobody looks at.
  const auto time = fs::last_write_time(path);
  f.temp.write("in/a.txt", "hell0");
  fs::last_write_time(path, time);
  CHECK(f.inbox.find_equal({"a.txt"}, 5, kHello, f.read, f.stop) == "a.txt");
  CHECK(f.inbox.find_equal({"a.txt"}, 5, std::string(64, '0'), f.read, f.stop) == std::nullopt);
  f.read = DigestsRead();
  CHECK(f.inbox.find_equal({"a.txt"}, 5, kHello, f.read, f.stop) == std::nullopt);
}

TEST_CASE("what was stopped while it was read is read again") {
  Fixture f;
  f.temp.write("in/a.txt", "hello");
  f.stop = true;
  CHECK(f.inbox.find_equal({"a.txt"}, 5, kHello, f.read, f.stop) == std::nullopt);
  f.stop = false;
  CHECK(f.inbox.find_equal({"a.txt"}, 5, kHello, f.read, f.stop) == "a.txt");
}

TEST_CASE("only a file inside the inbox is an equal") {
  Fixture f;
  const auto outside = f.temp.write("outside/a.txt", "hello");
  fs::create_symlink(outside, f.folder / "link");
  fs::create_directory_symlink(outside.parent_path(), f.folder / "way");
  REQUIRE(mkfifo((f.folder / "fifo").c_str(), 0600) == 0);
  CHECK(f.equal({"link"}) == std::nullopt);
  CHECK(f.equal({"way", "a.txt"}) == std::nullopt);
  CHECK(f.equal({"fifo"}) == std::nullopt);
}

TEST_CASE("a sealed part takes no more and is published once") {
  Fixture f;
  auto part = f.inbox.create_part(9, true);
  const PublishTerms terms{{"d", "e", "n"}, 5, kHello, std::nullopt, Conflict::rename};
  CHECK(part->publish(terms).error().code() == Errc::failed);
  REQUIRE(part->write(bytes_of("hello")).has_value());
  REQUIRE(part->seal(terms).has_value());
  CHECK(part->write(bytes_of("more")).has_error());
  CHECK(part->seal(terms).has_error());
  CHECK(files_in(f.folder).empty());
  part->start_flush();
  REQUIRE(part->flush().has_value());
  const auto stored = part->publish(terms);
  REQUIRE(stored.has_value());
  CHECK(stored->path == "d/e/n");
  CHECK(f.inbox.sync_names(stored->path).has_value());
  CHECK(f.inbox.sync_all().has_value());
  CHECK(part->publish(terms).has_error());
}
