#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <vector>

#include "catch.hpp"
#include "lsend/storage/inbox.hpp"
#include "lsend/storage/safe_path.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kHelloHash =
    "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

struct Fixture {
  TempFolder temp;
  fs::path folder = temp / "in";
  Inbox inbox = Inbox::open(folder).value();

  Result<StoredFile> store(std::vector<std::string> name, std::string_view text) {
    auto part = inbox.create_part(text.size(), true);
    if (!part) return part.error();
    if (auto ok = part->write(bytes_of(text)); !ok) return ok.error();
    return part->commit({std::move(name), text.size(), std::nullopt, std::nullopt});
  }
};

}  // namespace

TEST_CASE("a file appears at its commit, whole, and never before") {
  Fixture f;
  auto part = f.inbox.create_part(5, true);
  REQUIRE(part.has_value());
  REQUIRE(part->write(bytes_of("hel")).has_value());
  CHECK(files_in(f.folder).empty());
  CHECK(parts_in(f.folder) == 1);
  struct stat status {};
  REQUIRE(stat(fs::directory_iterator(f.folder / ".lsend")->path().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
  REQUIRE(part->write(bytes_of("lo")).has_value());
  CHECK(part->written() == 5);
  auto stored = part->commit({{"a", "b.txt"}, 5, std::string(kHelloHash), std::nullopt});
  REQUIRE(stored.has_value());
  CHECK(stored->path == "a/b.txt");
  CHECK(stored->size == 5);
  CHECK(stored->sha256 == std::string(kHelloHash));
  CHECK(read_text(f.folder / "a/b.txt") == "hello");
  CHECK(parts_in(f.folder) == 0);
  CHECK(part->commit({{"c.txt"}, 5, std::nullopt, std::nullopt}).has_error());
  CHECK(files_in(f.folder) == std::set<std::string>{"a/b.txt"});
}

TEST_CASE("an empty file is a file") {
  Fixture f;
  REQUIRE(f.store({"empty"}, "").has_value());
  CHECK(fs::file_size(f.folder / "empty") == 0);
}

TEST_CASE("a part that is not committed is removed") {
  Fixture f;
  {
    auto part = f.inbox.create_part(1'000'000, true);
    REQUIRE(part.has_value());
    PartFile moved = std::move(*part);
    REQUIRE(moved.write(bytes_of("x")).has_value());
    CHECK(parts_in(f.folder) == 1);
  }
  CHECK(parts_in(f.folder) == 0);
}

TEST_CASE("what does not fit its terms leaves nothing") {
  struct Case {
    const char* what;
    std::string_view bytes;
    PublishTerms terms;
    bool hash;
    std::optional<Errc> expected;
  };
  const std::string upper = "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824";
  const std::string other(64, '0');
  const std::vector<Case> cases = {
      {"right digest", "hello", {{"n"}, 5, std::string(kHelloHash), {}}, true, std::nullopt},
      {"upper case", "hello", {{"n"}, 5, upper, {}}, true, std::nullopt},
      {"no digest", "hello", {{"n"}, 5, {}, {}}, false, std::nullopt},
      {"wrong digest", "hello", {{"n"}, 5, other, {}}, true, Errc::checksum_mismatch},
      {"short digest", "hello", {{"n"}, 5, "2cf2", {}}, true, Errc::checksum_mismatch},
      {"digest, not hashed", "hello", {{"n"}, 5, upper, {}}, false, Errc::failed},
      {"too short", "hell", {{"n"}, 5, {}, {}}, true, Errc::size_mismatch},
      {"too long", "hello", {{"n"}, 4, {}, {}}, true, Errc::size_mismatch},
      {"no name", "hello", {{}, 5, {}, {}}, true, Errc::name_refused},
      {"out of the folder", "hello", {{".."}, 5, {}, {}}, true, Errc::name_refused},
      {"out by a parent", "hello", {{"..", "x"}, 5, {}, {}}, true, Errc::name_refused},
      {"a path as a name", "hello", {{"a/b"}, 5, {}, {}}, true, Errc::name_refused},
  };
  for (const auto& c : cases) {
    INFO(c.what);
    Fixture f;
    auto part = f.inbox.create_part(5, c.hash);
    REQUIRE(part.has_value());
    REQUIRE(part->write(bytes_of(c.bytes)).has_value());
    auto stored = part->commit(c.terms);
    CHECK(parts_in(f.folder) == 0);
    CHECK(files_in(f.folder).size() == (c.expected ? 0U : 1U));
    if (c.expected) {
      REQUIRE(!stored);
      CHECK(stored.error().code() == *c.expected);
    } else {
      CHECK(stored.has_value());
    }
  }
}

TEST_CASE("the sentences of a mismatch") {
  Fixture f;
  auto part = f.inbox.create_part(5, true);
  REQUIRE(part->write(bytes_of("hell")).has_value());
  CHECK(part->commit({{"a", "b"}, 5, std::nullopt, std::nullopt}).error() ==
        Error(Errc::size_mismatch, "'a/b' was announced with 5 bytes and 4 came"));
  auto longer = f.inbox.create_part(5, true);
  CHECK(longer->write(bytes_of("hello!")).error() ==
        Error(Errc::size_mismatch, "more than the 5 bytes announced came"));
  CHECK(longer->written() == 0);
}

TEST_CASE("what is there stays: the newcomer gets the next free name") {
  Fixture f;
  for (int i = 0; i < 3; ++i) REQUIRE(f.store({"a.txt"}, "v" + std::to_string(i)).has_value());
  CHECK(files_in(f.folder) == std::set<std::string>{"a.txt", "a (1).txt", "a (2).txt"});
  CHECK(read_text(f.folder / "a.txt") == "v0");
  CHECK(read_text(f.folder / "a (2).txt") == "v2");
}

TEST_CASE("two parts of one name are both stored, also while both are open") {
  Fixture f;
  auto first = f.inbox.create_part(1, false);
  auto second = f.inbox.create_part(1, false);
  REQUIRE(first->write(bytes_of("1")).has_value());
  REQUIRE(second->write(bytes_of("2")).has_value());
  CHECK(second->commit({{"d", "x"}, 1, std::nullopt, std::nullopt})->path == "d/x");
  CHECK(first->commit({{"d", "x"}, 1, std::nullopt, std::nullopt})->path == "d/x (1)");
  CHECK(read_text(f.folder / "d/x") == "2");
  CHECK(read_text(f.folder / "d/x (1)") == "1");
}

TEST_CASE("after a hundred numbers a random one is free") {
  Fixture f;
  f.temp.write("in/a.txt", "old");
  for (unsigned i = 1; i <= 100; ++i) f.temp.write("in/" + numbered_name("a.txt", i), "old");
  auto stored = f.store({"a.txt"}, "new");
  REQUIRE(stored.has_value());
  CHECK(read_text(f.folder / stored->path) == "new");
  CHECK(files_in(f.folder).size() == 102);
}

TEST_CASE("whatever stands at the target is neither followed nor replaced") {
  Fixture f;
  const auto outside = f.temp.write("outside.txt", "untouched");
  fs::create_symlink(outside, f.folder / "link");
  fs::create_symlink(f.temp / "nothing", f.folder / "dangling");
  fs::create_symlink("/dev/null", f.folder / "null");
  fs::create_directory(f.folder / "folder");
  REQUIRE(mkfifo((f.folder / "fifo").c_str(), 0600) == 0);
  for (const char* name : {"link", "dangling", "null", "folder", "fifo"}) {
    INFO(name);
    auto stored = f.store({name}, "new");
    REQUIRE(stored.has_value());
    CHECK(stored->path == std::string(name) + " (1)");
    CHECK(read_text(f.folder / stored->path) == "new");
  }
  CHECK(read_text(outside) == "untouched");
  CHECK_FALSE(fs::exists(f.temp / "nothing"));
}

TEST_CASE("a symlinked or occupied parent is refused") {
  Fixture f;
  fs::create_directory(f.temp / "outside");
  fs::create_directory_symlink(f.temp / "outside", f.folder / "link");
  f.temp.write("in/file", "old");
  for (const auto& name : {std::vector<std::string>{"link", "x"}, {"file", "x"}}) {
    auto stored = f.store(name, "new");
    REQUIRE(!stored);
    CHECK(stored.error().code() == Errc::name_refused);
  }
  CHECK(fs::is_empty(f.temp / "outside"));
  CHECK(read_text(f.folder / "file") == "old");
  CHECK(parts_in(f.folder) == 0);
}

TEST_CASE("no peer reaches the private folder") {
  Fixture f;
  CHECK(f.store({".lsend", "x"}, "1")->path == "_.lsend/x");
  CHECK(f.store({".LSEND", "x"}, "2")->path == "_.LSEND/x");
  CHECK(f.store({".lsend"}, "3")->path == "_ (1).lsend");
  CHECK(f.store({"a", ".lsend"}, "4")->path == "a/.lsend");
  CHECK(parts_in(f.folder) == 0);
}

TEST_CASE("the modification time is set where it is plausible") {
  using namespace std::chrono;
  struct Case {
    const char* what;
    std::optional<FileTime> modified;
    bool applied;
  };
  const FileTime now = time_point_cast<nanoseconds>(system_clock::now());
  const std::vector<Case> cases = {
      {"none", std::nullopt, false},
      {"2001", FileTime(seconds(1'000'000'000) + nanoseconds(123'456'789)), true},
      {"the epoch", FileTime{}, true},
      {"before the epoch", FileTime(nanoseconds(-1)), false},
      {"in an hour", now + hours(1), true},
      {"in two days", now + days(2), false},
      {"the last", FileTime::max(), false},
  };
  for (const auto& c : cases) {
    INFO(c.what);
    Fixture f;
    auto part = f.inbox.create_part(0, false);
    REQUIRE(part->commit({{"n"}, 0, std::nullopt, c.modified}).has_value());
    struct stat status {};
    REQUIRE(stat((f.folder / "n").c_str(), &status) == 0);
    const FileTime stored(seconds(status.st_mtim.tv_sec) + nanoseconds(status.st_mtim.tv_nsec));
    if (c.applied) {
      CHECK(stored == *c.modified);
    } else {
      CHECK(stored > now - minutes(5));
      CHECK(stored < now + minutes(5));
    }
  }
}

TEST_CASE("a published file has mode 0644 less the umask of the inbox's opening") {
  for (const mode_t mask : {0022U, 0077U, 0000U}) {
    const mode_t before = umask(mask);
    Fixture f;
    umask(before);
    REQUIRE(f.store({"n"}, "x").has_value());
    struct stat status {};
    REQUIRE(stat((f.folder / "n").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == (0644U & ~mask));
  }
}

TEST_CASE("a file size limit is told as missing space and leaves nothing") {
  Fixture f;
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = before;
  limit.rlim_cur = 100'000;
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  auto allocated = f.inbox.create_part(200'000, false);
  std::optional<Errc> written;
  {
    auto part = f.inbox.create_part(120'000, false);  // too small to be allocated ahead
    if (part) {
      const std::string text(120'000, 'x');
      auto result = part->write(bytes_of(text));
      if (!result) written = result.error().code();
    }
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  REQUIRE(!allocated);
  CHECK(allocated.error().code() == Errc::no_space);
  CHECK(written == Errc::no_space);
  CHECK(parts_in(f.folder) == 0);
}

TEST_CASE("a length not known beforehand sets nothing aside") {
  Fixture f;
  auto part = f.inbox.create_part(std::uint64_t{0} - 1, false);
  REQUIRE(part.has_value());
  CHECK(part->write(bytes_of("x")).has_value());
  SECTION("the size that came") {
    REQUIRE(part->commit({{"n"}, 1, std::nullopt, std::nullopt}).has_value());
    CHECK(read_text(f.folder / "n") == "x");
  }
  SECTION("another size") {
    const auto most = std::uint64_t{0} - 1;
    CHECK(part->commit({{"n"}, most, {}, {}}).error().code() == Errc::size_mismatch);
  }
}

TEST_CASE("space that was set aside and not needed is given back") {
  Fixture f;
  auto part = f.inbox.create_part(50'000'000, false);
  REQUIRE(part->write(bytes_of("hello")).has_value());
  REQUIRE(part->commit({{"n"}, 5, std::nullopt, std::nullopt}).has_value());
  CHECK(read_text(f.folder / "n") == "hello");
  struct stat status {};
  REQUIRE(stat((f.folder / "n").c_str(), &status) == 0);
  CHECK(status.st_blocks < 1'000);
}
