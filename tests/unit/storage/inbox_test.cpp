#include "lsend/storage/inbox.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "catch.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;
namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::seconds;

TEST_CASE("an inbox is made with its private folder") {
  TempFolder temp;
  auto inbox = Inbox::open(temp / "a/b/in");
  REQUIRE(inbox.has_value());
  CHECK(inbox->folder() == temp / "a/b/in");
  struct stat status {};
  REQUIRE(stat((temp / "a/b/in/.lsend").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0700U);
  CHECK(inbox->free_space().has_value());
  CHECK(*inbox->free_space() > 0);
  CHECK(Inbox::open(temp / "a/b/in").has_value());
}

TEST_CASE("the system's own folders are refused") {
  for (const char* folder : {"/", "/etc", "/tmp", "/var", "/usr", "/usr/bin", "/tmp/", "/tmp/."}) {
    INFO(folder);
    auto inbox = Inbox::open(folder);
    REQUIRE(!inbox);
    CHECK(inbox.error().code() == Errc::usage);
  }
  CHECK(Inbox::open("/tmp").error().message() ==
        "'/tmp' belongs to the system: name a folder inside it, for example '/tmp/lsend' (--dir)");
  TempFolder temp;
  fs::create_directory_symlink("/tmp", temp / "link");
  CHECK(Inbox::open(temp / "link").error().code() == Errc::usage);
  CHECK_FALSE(fs::exists("/tmp/.lsend"));
}

TEST_CASE("the home folder is an inbox for who writes it out") {
  const TempFolder temp;
  const std::string before = std::getenv("HOME") ? std::getenv("HOME") : "";
  const fs::path here = fs::current_path();
  setenv("HOME", temp.path().c_str(), 1);
  fs::current_path(temp.path());
  const auto by_chance = Inbox::open(".");
  const auto below = Inbox::open("in");
  const auto written_out = Inbox::open(temp.path());
  fs::current_path(here);
  setenv("HOME", before.c_str(), 1);
  REQUIRE(!by_chance);
  CHECK(by_chance.error() ==
        Error(Errc::usage, "'.' is your home folder: write out '" + temp.path().string() +
                               "' if files shall lie among its own (--dir)"));
  CHECK(below.has_value());
  CHECK(written_out.has_value());
}

TEST_CASE("a folder that others can write needs the sticky bit") {
  struct Case {
    mode_t mode;
    bool ok;
  };
  for (const auto& c : {Case{0755, true}, Case{0700, true}, Case{0777, false}, Case{0757, false},
                        Case{01777, true}, Case{0775, true}}) {
    INFO("mode " << c.mode);
    TempFolder temp;
    fs::create_directory(temp / "in");
    REQUIRE(chmod((temp / "in").c_str(), c.mode) == 0);
    REQUIRE(chown((temp / "in").c_str(), geteuid(), getegid()) == 0);
    auto inbox = Inbox::open(temp / "in");
    CHECK(inbox.has_value() == c.ok);
    if (!inbox) {
      CHECK(inbox.error().code() == Errc::usage);
      CHECK(inbox.error().message().find("chmod go-w") != std::string::npos);
    }
  }
}

TEST_CASE("a group that is not the user's own counts as others") {
  if (geteuid() != 0) return;  // only root may give a folder away to a foreign group
  TempFolder temp;
  fs::create_directory(temp / "in");
  REQUIRE(chown((temp / "in").c_str(), 0, getegid() + 1) == 0);
  REQUIRE(chmod((temp / "in").c_str(), 0775) == 0);
  CHECK(Inbox::open(temp / "in").error().code() == Errc::usage);
}

TEST_CASE("what cannot be an inbox says why") {
  TempFolder temp;
  temp.write("file", "x");
  CHECK(Inbox::open(temp / "file").error().code() == Errc::io);
  CHECK(Inbox::open(temp / "file/in").error().code() == Errc::io);
  CHECK(Inbox::open(temp / "file").error().message() ==
        "cannot open the folder '" + (temp / "file").string() + "': Not a directory");
  CHECK(Inbox::open("/proc/no/such").error().code() == Errc::io);
}

TEST_CASE("a private folder that is a link or a file is not used") {
  TempFolder temp;
  fs::create_directories(temp / "in");
  fs::create_directory(temp / "elsewhere");
  SECTION("link") { fs::create_directory_symlink(temp / "elsewhere", temp / "in/.lsend"); }
  SECTION("file") { temp.write("in/.lsend", "x"); }
  auto inbox = Inbox::open(temp / "in");
  REQUIRE(!inbox);
  CHECK(inbox.error().code() == Errc::io);
}

TEST_CASE("a private folder that was open to others is closed") {
  TempFolder temp;
  fs::create_directories(temp / "in/.lsend");
  REQUIRE(chmod((temp / "in/.lsend").c_str(), 0777) == 0);
  REQUIRE(Inbox::open(temp / "in").has_value());
  struct stat status {};
  REQUIRE(stat((temp / "in/.lsend").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0700U);
}

TEST_CASE("the sweep takes stale parts of ours and nothing else") {
  TempFolder temp;
  auto inbox = Inbox::open(temp / "in");
  REQUIRE(inbox.has_value());
  const std::string part = "in/.lsend/AAAAAAAAAAAAAAAAAAAA-_";
  temp.write(part, "stale");
  temp.write("in/.lsend/notes.txt", "kept");
  temp.write("in/.lsend/AAAAAAAAAAAAAAAAAAAA.x", "kept");
  temp.write("outside", "kept");
  fs::create_symlink(temp / "outside", temp / "in/.lsend/BBBBBBBBBBBBBBBBBBBBBB");
  fs::create_directory(temp / "in/.lsend/CCCCCCCCCCCCCCCCCCCCCC");
  CHECK(inbox->sweep_stale_parts(hours(1)) == 0);
  // An old `modified` from a peer does not make a part stale.
  fs::last_write_time(temp / part, fs::file_time_type::clock::now() - hours(1000));
  CHECK(inbox->sweep_stale_parts(hours(1)) == 0);
  CHECK(inbox->sweep_stale_parts(seconds(-1)) == 1);  // clocks differ by a tick
  CHECK_FALSE(fs::exists(temp / part));
  CHECK(parts_in(temp / "in") == 4);
  CHECK(read_text(temp / "outside") == "kept");
}

TEST_CASE("parts that live are told from what broken transfers left") {
  TempFolder temp;
  auto inbox = Inbox::open(temp / "in");
  REQUIRE(inbox.has_value());
  CHECK(inbox->leftover() == 0);
  CHECK(inbox->bytes_arriving() == 0);
  temp.write("in/.lsend/AAAAAAAAAAAAAAAAAAAA-_", std::string(50'000, 'x'));
  temp.write("in/.lsend/notes.txt", std::string(50'000, 'x'));
  temp.write("outside", std::string(50'000, 'x'));
  fs::create_symlink(temp / "outside", temp / "in/.lsend/BBBBBBBBBBBBBBBBBBBBBB");
  const auto left = inbox->leftover();
  CHECK(left >= 50'000);
  CHECK(left < 100'000);
  {
    auto small = inbox->create_part(10'000, false);
    auto moved = std::move(*small);
    REQUIRE(moved.write(bytes_of(std::string(7'000, 'x'))).has_value());
    CHECK(inbox->bytes_arriving() == 7'000);
    // What is set aside for a large one counts, and once.
    auto large = inbox->create_part(1'000'000, false);
    REQUIRE(large->write(bytes_of(std::string(1'000, 'x'))).has_value());
    const auto arriving = inbox->bytes_arriving();
    CHECK((arriving == 1'007'000 || arriving == 8'000));
    CHECK(inbox->leftover() == left);
    REQUIRE(moved.commit({{"a"}, 7'000, std::nullopt, std::nullopt, Conflict::rename}).has_value());
  }
  CHECK(inbox->bytes_arriving() == 0);
  CHECK(inbox->leftover() == left);
}

TEST_CASE("the folder opened at the start stays the root") {
  TempFolder temp;
  auto inbox = Inbox::open(temp / "in");
  REQUIRE(inbox.has_value());
  fs::create_directory(temp / "elsewhere");
  fs::rename(temp / "in", temp / "moved");
  fs::create_directory_symlink(temp / "elsewhere", temp / "in");
  auto part = inbox->create_part(1, false);
  REQUIRE(part.has_value());
  REQUIRE(part->write(bytes_of("x")).has_value());
  REQUIRE(part->commit({{"d", "f"}, 1, std::nullopt, std::nullopt}).has_value());
  CHECK(read_text(temp / "moved/d/f") == "x");
  CHECK(fs::is_empty(temp / "elsewhere"));
}

TEST_CASE("a folder that was moved away between two files is made anew") {
  TempFolder temp;
  auto inbox = Inbox::open(temp / "in");
  REQUIRE(inbox.has_value());
  const auto store = [&](const std::string& name) {
    auto part = inbox->create_part(1, false);
    REQUIRE(part.has_value());
    REQUIRE(part->write(bytes_of("x")).has_value());
    REQUIRE(part->commit({{"d", name}, 1, std::nullopt, std::nullopt}).has_value());
  };
  store("1");
  fs::rename(temp / "in/d", temp / "sorted");
  store("2");
  CHECK(read_text(temp / "in/d/2") == "x");
  CHECK_FALSE(fs::exists(temp / "sorted/2"));
}

TEST_CASE("a folder that vanished is an error, not a file elsewhere") {
  TempFolder temp;
  auto inbox = Inbox::open(temp / "in");
  REQUIRE(inbox.has_value());
  auto part = inbox->create_part(1, false);
  REQUIRE(part.has_value());
  REQUIRE(part->write(bytes_of("x")).has_value());
  fs::remove_all(temp / "in");
  CHECK(part->commit({{"f"}, 1, std::nullopt, std::nullopt}).error().code() == Errc::io);
  CHECK(inbox->create_part(1, false).error().code() == Errc::io);
  CHECK_FALSE(fs::exists(temp / "in"));
}

TEST_CASE("an inbox knows when files do not come to where the user looks for them") {
  const TempFolder temp;
  fs::create_directory(temp / "in");
  const auto path = temp / "named";
  fs::create_directory_symlink(temp / "in", path);
  const auto inbox = Inbox::open(path);
  REQUIRE(inbox.has_value());
  CHECK_FALSE(inbox->misplaced().has_value());
  CHECK_FALSE(inbox->trouble().has_value());
  CHECK(parts_in(path) == 0);
  const std::string shown = "'" + path.string() + "'";
  const std::string other =
      shown + " is another folder now than the one that lsend opened, into which files still go: "
              "it was replaced, mounted over or unmounted; start lsend again to use it";
  const std::string gone = shown +
                           " was removed or moved away while lsend was running (No such file or "
                           "directory); start lsend again when it is there";
  SECTION("removed") {
    fs::remove_all(temp / "in");
    CHECK(inbox->trouble() == gone);
  }
  SECTION("moved and replaced") {
    fs::rename(temp / "in", temp / "moved");
    CHECK(inbox->trouble() == gone);
    fs::create_directory(temp / "in");
    CHECK(inbox->trouble() == other);
  }
  SECTION("emptied is fine, and what is needed is made anew") {
    fs::remove_all(temp / "in/.lsend");
    CHECK_FALSE(inbox->trouble().has_value());
    CHECK(parts_in(path) == 0);
  }
}

TEST_CASE("a private folder that was removed is made anew") {
  TempFolder temp;
  auto inbox = Inbox::open(temp / "in");
  REQUIRE(inbox.has_value());
  fs::remove_all(temp / "in/.lsend");
  auto part = inbox->create_part(1, false);
  REQUIRE(part.has_value());
  REQUIRE(part->write(bytes_of("x")).has_value());
  REQUIRE(part->commit({{"f"}, 1, std::nullopt, std::nullopt}).has_value());
  CHECK(read_text(temp / "in/f") == "x");
  CHECK(fs::status(temp / "in/.lsend").permissions() == fs::perms(0700));
}

TEST_CASE("a part that was removed while it was open comes back whole") {
  TempFolder temp;
  auto inbox = Inbox::open(temp / "in");
  REQUIRE(inbox.has_value());
  const std::string text(700'000, 'x');
  PublishTerms terms{{"d", "f"}, text.size(), std::nullopt, std::nullopt};
  terms.modified = parse_rfc3339("2020-02-02T02:02:02Z");
  auto part = inbox->create_part(text.size(), true);
  REQUIRE(part->write(bytes_of(text)).has_value());
  REQUIRE(part->seal(terms).has_value());
  SECTION("with the folder") { fs::remove_all(temp / "in/.lsend"); }
  SECTION("alone") {
    for (const auto& entry : fs::directory_iterator(temp / "in/.lsend")) fs::remove(entry);
  }
  const auto lost = part->publish(terms);
  REQUIRE(!lost);
  CHECK(lost.error() == Error(Errc::not_found,
                              "somebody removed the part of 'd/f' from the inbox before it was "
                              "stored"));
  auto again = inbox->rescue(*part, terms);
  REQUIRE(again.has_value());
  const auto stored = again->publish(terms);
  REQUIRE(stored.has_value());
  CHECK(stored->path == "d/f");
  CHECK(stored->sha256.has_value());
  CHECK(read_text(temp / "in/d/f") == text);
  struct stat status {};
  REQUIRE(stat((temp / "in/d/f").c_str(), &status) == 0);
  CHECK(status.st_mtim.tv_sec == 1'580'608'922);
  CHECK((status.st_mode & 0700U) == 0600U);
  CHECK(parts_in(temp / "in") == 0);
}

TEST_CASE("another user's private folder leaves room for our own") {
  if (geteuid() != 0) return;  // only root may give a folder away
  const TempFolder temp;
  const fs::path folder = temp / "in";
  fs::create_directories(folder);
  REQUIRE(chmod(folder.c_str(), 01777) == 0);
  const auto give = [&](const char* name) {
    REQUIRE(lchown((folder / name).c_str(), 4321, 4321) == 0);
  };
  SECTION("a folder") {
    fs::create_directory(folder / ".lsend");
    REQUIRE(chmod((folder / ".lsend").c_str(), 0777) == 0);
  }
  SECTION("a link") { fs::create_directory_symlink(temp.path(), folder / ".lsend"); }
  SECTION("a file") { temp.write("in/.lsend", "x"); }
  give(".lsend");
  const auto inbox = Inbox::open(folder);
  REQUIRE(inbox.has_value());
  auto part = inbox->create_part(1, false);
  REQUIRE(part->write(bytes_of("x")).has_value());
  CHECK(std::distance(fs::directory_iterator(folder / ".lsend-0"), {}) == 1);
  REQUIRE(part->commit({{".lsend-0", "f"}, 1, std::nullopt, std::nullopt}).has_value());
  CHECK(read_text(folder / "_.lsend-0/f") == "x");
  CHECK(fs::status(folder / ".lsend-0").permissions() == fs::perms(0700));

  // One that was put there before us is not used either.
  fs::remove_all(folder / ".lsend-0");
  fs::create_directory(folder / ".lsend-0");
  give(".lsend-0");
  const auto refused = Inbox::open(folder);
  REQUIRE(!refused);
  CHECK(refused.error() ==
        Error(Errc::io, "'" + (folder / ".lsend-0").string() +
                            "' belongs to the user with id 4321: remove it, or name another "
                            "folder (--dir)"));
}
