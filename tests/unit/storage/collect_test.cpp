#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "catch.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/file_source.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;
namespace fs = std::filesystem;
using Names = std::vector<std::string>;

namespace {

Result<Collection> try_collect(const std::vector<fs::path>& paths, bool follow = false) {
  Selection selection;
  selection.paths = paths;
  selection.follow = follow;
  return collect_files(selection);
}

Collection collect(const std::vector<fs::path>& paths, bool follow = false) {
  auto result = try_collect(paths, follow);
  REQUIRE(result.has_value());
  return std::move(*result);
}

/// Why each of them cannot be sent.
Names reasons(const Collection& collection) {
  Names all;
  for (const auto& each : collection.unsendable) all.push_back(each.why.message());
  return all;
}

/// The only thing that cannot be sent, and that the user has named.
Error refusal(const fs::path& path) {
  const auto found = collect({path});
  CHECK(found.files.empty());
  REQUIRE(found.unsendable.size() == 1);
  CHECK(found.unsendable[0].named);
  return found.unsendable[0].why;
}

Names names(const Collection& collection) {
  Names all;
  for (const auto& file : collection.files) all.push_back(file.file_name);
  return all;
}

/// Permissions and the current folder do not outlive a test.
struct AtFolder {
  fs::path before = fs::current_path();
  explicit AtFolder(const fs::path& path) { fs::current_path(path); }
  ~AtFolder() { fs::current_path(before); }
};

}  // namespace

TEST_CASE("files go under their base name, folders with their own name in front, sorted") {
  TempFolder temp;
  temp.write("d/b.txt", "bb");
  temp.write("d/a/z.txt", "z");
  temp.write("d/a.txt", "a");
  temp.write("f.txt", "fff");
  const auto found = collect({temp / "f.txt", temp / "d"});
  CHECK(names(found) == Names{"f.txt", "d/a/z.txt", "d/a.txt", "d/b.txt"});
  CHECK(found.files[0].path == temp / "f.txt");
  CHECK(found.files[0].size == 3);
  CHECK_FALSE(found.files[0].name_changed);
  CHECK(found.warnings.empty());
  struct stat status {};
  REQUIRE(stat((temp / "f.txt").c_str(), &status) == 0);
  CHECK(found.files[0].modified->time_since_epoch() ==
        std::chrono::seconds(status.st_mtim.tv_sec) +
            std::chrono::nanoseconds(status.st_mtim.tv_nsec));
}

TEST_CASE("a time that cannot be told is left out, and none is invented") {
  struct Case {
    time_t seconds;
    std::optional<std::string> told;
  };
  const std::vector<Case> cases = {{9'223'372'036 + 100, std::nullopt},  // April 2262
                                   {9'300'000'000, std::nullopt},
                                   {10'413'792'000, std::nullopt},  // 2300
                                   {9'000'000'000, "2255-03-14T16:00:00.000000005Z"},
                                   {0, "1970-01-01T00:00:00.000000005Z"},
                                   {-1, "1969-12-31T23:59:59.000000005Z"},
                                   {-2'147'483'648, "1901-12-13T20:45:52.000000005Z"},
                                   {-2'208'988'800, "1900-01-01T00:00:00.000000005Z"},
                                   {-10'000'000'000, std::nullopt}};
  const TempFolder temp;
  const auto path = temp.write("a", "x");
  for (const auto& c : cases) {
    INFO(c.seconds);
    const timespec times[2] = {{c.seconds, 5}, {c.seconds, 5}};
    struct stat status {};
    REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
    REQUIRE(stat(path.c_str(), &status) == 0);
    if (status.st_mtim.tv_sec != c.seconds || status.st_mtim.tv_nsec != 5) {
      WARN("skipped: this file system keeps no time of " << c.seconds);
      continue;
    }
    const auto found = collect({path});
    const auto again = look_again(found.files.at(0)).value();
    for (const auto& file : {found.files.at(0), again}) {
      CHECK(file.modified.has_value() == c.told.has_value());
      if (file.modified && c.told) CHECK(format_rfc3339(*file.modified) == *c.told);
    }
  }
}

TEST_CASE("however a folder is named, its files carry its real name") {
  TempFolder temp;
  temp.write("d/sub/x", "x");
  const AtFolder at(temp / "d/sub");
  for (const char* path : {".", "./", "../sub", "../sub/", "../../d/sub/."}) {
    INFO(path);
    CHECK(names(collect({path})) == Names{"sub/x"});
  }
  CHECK(names(collect({".."})) == Names{"d/sub/x"});
  CHECK(names(collect({"x"})) == Names{"x"});
  CHECK(try_collect({"/"}, false).error().code() == Errc::usage);
}

TEST_CASE("links: named ones are followed, those inside folders only when asked") {
  TempFolder temp;
  temp.write("real/x", "x");
  temp.write("d/a", "a");
  fs::create_symlink(temp / "real/x", temp / "d/file-link");
  fs::create_directory_symlink(temp / "real", temp / "d/folder-link");
  fs::create_symlink("nowhere", temp / "d/dangling");
  SECTION("named") {
    CHECK(names(collect({temp / "d/file-link", temp / "d/folder-link"})) ==
          Names{"file-link", "folder-link/x"});
    CHECK(refusal(temp / "d/dangling").code() == Errc::io);
  }
  SECTION("inside") {
    const auto found = collect({temp / "d"});
    CHECK(names(found) == Names{"d/a"});
    CHECK(found.links_skipped == 3);
    CHECK(found.unsendable.empty());
    CHECK(found.warnings ==
          Names{"3 symbolic links were skipped (--follow sends what they point to)"});
  }
  SECTION("followed") {
    const auto found = collect({temp / "d"}, true);
    CHECK(names(found) == Names{"d/a", "d/file-link", "d/folder-link/x"});
    CHECK(found.warnings.empty());
    CHECK(reasons(found) == Names{"cannot follow the link '" + (temp / "d/dangling").string() +
                                  "': No such file or directory"});
    CHECK(found.unsendable[0].file_name == "d/dangling");
    CHECK_FALSE(found.unsendable[0].named);
  }
}

TEST_CASE("a loop of links ends") {
  TempFolder temp;
  temp.write("d/a/x", "x");
  fs::create_directory_symlink("../..", temp / "d/a/up");
  fs::create_directory_symlink(".", temp / "d/self");
  fs::create_symlink("self-file", temp / "d/self-file");
  const auto found = collect({temp / "d"}, true);
  for (const auto& file : found.files) CHECK(file.file_name.size() < 100);
  const auto all = names(found);
  CHECK(std::find(all.begin(), all.end(), "d/a/x") != all.end());
  CHECK_FALSE(found.warnings.empty());
}

TEST_CASE("what cannot be sent is named before anything is sent") {
  TempFolder temp;
  const auto fifo = temp / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(refusal(temp / "missing") ==
        Error(Errc::io,
              "cannot read '" + (temp / "missing").string() + "': No such file or directory"));
  CHECK(refusal(fifo) ==
        Error(Errc::io, "'" + fifo.string() +
                            "' is a FIFO, socket or device: only files and folders can be sent; "
                            "'-' sends what can be read from it: lsend send TARGET - <FILE"));
  CHECK(refusal("/dev/null").code() == Errc::io);
  CHECK(refusal("/proc/self/status") ==
        Error(Errc::io,
              "'/proc/self/status' does not tell its size: pipe it, lsend send TARGET - <FILE"));
}

TEST_CASE("what was named and is not there is told, each of them") {
  TempFolder temp;
  temp.write("x", "x");
  const auto found = collect({temp / "gone", temp / "x", temp / "away/y"});
  CHECK(names(found) == Names{"x"});
  REQUIRE(found.unsendable.size() == 2);
  CHECK(found.unsendable[0].file_name == "gone");
  CHECK(found.unsendable[1].file_name == "y");
  CHECK(found.unsendable[1].named);
}

TEST_CASE("inside a folder the same does not stop the others") {
  TempFolder temp;
  temp.write("d/x", "x");
  fs::create_directory(temp / "d/empty");
  REQUIRE(mkfifo((temp / "d/fifo").c_str(), 0600) == 0);
  const auto found = collect({temp / "d"});
  CHECK(names(found) == Names{"d/x"});
  REQUIRE(found.unsendable.size() == 1);
  CHECK(found.unsendable[0].file_name == "d/fifo");
  CHECK_FALSE(found.unsendable[0].named);
  CHECK(found.warnings == Names{"'" + (temp / "d/empty").string() +
                                "' is an empty folder, which cannot be sent"});
}

TEST_CASE("unreadable files and folders") {
  if (geteuid() == 0) return;  // root reads everything
  TempFolder temp;
  temp.write("d/secret", "x");
  temp.write("d/closed/x", "x");
  temp.write("d/x", "x");
  fs::permissions(temp / "d/secret", fs::perms::none);
  fs::permissions(temp / "d/closed", fs::perms::none);
  const auto named = refusal(temp / "d/secret");
  const auto folder = refusal(temp / "d/closed");
  const auto found = collect({temp / "d"});
  fs::permissions(temp / "d/closed", fs::perms::owner_all);
  CHECK(named.message() == "cannot read '" + (temp / "d/secret").string() + "': Permission denied");
  CHECK(folder.code() == Errc::io);
  CHECK(names(found) == Names{"d/x"});
  CHECK(found.unsendable.size() == 2);
}

TEST_CASE("names that are no UTF-8 are sent as U+FFFD, with a warning") {
  TempFolder temp;
  temp.write("d/caf\xe9", "1");
  temp.write("d/caf\xe8", "2");
  const auto found = collect({temp / "d"});
  CHECK(names(found) == Names{"d/caf\uFFFD", "d/caf\uFFFD (1)"});
  CHECK(found.files[0].name_changed);
  CHECK(found.files[0].path == temp / "d/caf\xe8");
  CHECK(found.warnings.size() == 2);
}

TEST_CASE("a name that receivers would take for another one is cleaned, with a warning") {
  TempFolder temp;
  temp.write("d/..\\..\\evil", "1");
  temp.write("d/a\\b", "2");
  temp.write("d/a_b", "3");
  temp.write("d/  /x", "4");
  const auto found = collect({temp / "d"});
  CHECK(names(found) == Names{"d/__/x", "d/.._.._evil", "d/a_b", "d/a_b (1)"});
  CHECK(found.warnings ==
        Names{"'" + (temp / "d/  /x").string() + "' is sent as 'd/__/x'",
              "'" + (temp / "d/..\\..\\evil").string() + "' is sent as 'd/.._.._evil'",
              "'" + (temp / "d/a\\b").string() + "' is sent as 'd/a_b'",
              "'" + (temp / "d/a_b").string() + "' is sent as 'd/a_b (1)'"});
  CHECK(names(collect({temp / "d/..\\..\\evil"})) == Names{".._.._evil"});
}

TEST_CASE("a place that no receiver takes is told, and the others go") {
  TempFolder temp;
  std::string deep = "d";
  for (int i = 0; i < 33; ++i) deep += "/s";
  const std::string part(200, 'p');
  std::string longest = "d";
  for (int i = 0; i < 5; ++i) longest += "/" + part;
  temp.write(deep + "/x", "1");
  temp.write(longest + "/" + part, "2");
  temp.write(longest + "/y", "3");
  temp.write("d/z", "4");
  const auto found = collect({temp / "d"});
  CHECK(names(found) == Names{longest + "/y", "d/z"});
  REQUIRE(found.unsendable.size() == 2);
  CHECK(found.unsendable[0].why ==
        Error(Errc::name_refused, "'" + escape_for_terminal(longest + "/" + part) +
                                      "' is refused: its path has more than 1024 bytes"));
  CHECK(found.unsendable[1].why.message().ends_with("it has more than 32 folders"));
  Selection selection;
  selection.paths = {temp / "d"};
  selection.prefix = std::string(100, 'q') + "/";
  CHECK(names(*collect_files(selection)) == Names{"d/z"});
}

TEST_CASE("what is private to a receiver is nobody's to send") {
  const std::string part = "Ab3-_4567890123456789x";
  TempFolder temp;
  temp.write("in/.lsend/" + part, "half");
  temp.write("in/.lsend/" + part + ".json", "{}");
  temp.write("in/arrived", "x");
  temp.write("in/.lsend-" + part, "half");
  temp.write("in/.lsend-trust", "a file of the user");
  fs::permissions(temp / "in/.lsend", fs::perms::owner_all);
  const Names whole{"in/.lsend-trust", "in/arrived"};
  SECTION("below what was named") {
    const auto found = collect({temp / "in"});
    CHECK(names(found) == whole);
    CHECK(found.unsendable.empty());
    CHECK(found.warnings.empty());
    CHECK(found.links_skipped + found.filtered == 0);
  }
  SECTION("idle, or with what NFS leaves of a file") {
    fs::remove(temp / "in/.lsend" / part);
    fs::remove(temp / "in/.lsend" / (part + ".json"));
    CHECK(collect({temp / "in"}).warnings.empty());
    temp.write("in/.lsend/.nfs0000000000012345", "half");
    CHECK(names(collect({temp / "in"})) == whole);
  }
  SECTION("with a folder for asking the disk") {
    const auto probe = "twins-" + part;
    temp.write("in/.lsend/" + probe + "/a:b", "");
    temp.write("in/.lsend-" + probe + "/a:b", "");
    CHECK(names(collect({temp / "in"})) == whole);
    CHECK(refusal(temp / "in/.lsend").code() == Errc::io);
    CHECK(refusal(temp / "in/.lsend" / probe).code() == Errc::io);
    CHECK(refusal(temp / "in/.lsend" / probe / "a:b").code() == Errc::io);
    temp.write("in/.lsend/notes", "a file of the user");
    fs::permissions(temp / "in/.lsend", fs::perms(0755));
    CHECK(names(collect({temp / "in"})) ==
          Names{"in/.lsend/notes", "in/.lsend-trust", "in/arrived"});
  }
  SECTION("named") {
    const auto folder = temp / "in/.lsend";
    CHECK(refusal(folder) ==
          Error(Errc::io, "'" + folder.string() +
                              "' is private to a receiver: what is there has not arrived yet"));
    CHECK(refusal(folder / "").code() == Errc::io);
    CHECK(refusal(folder / part).code() == Errc::io);
    CHECK(refusal(folder / (part + ".json")).code() == Errc::io);
    CHECK(refusal(temp / "in" / (".lsend-" + part)).code() == Errc::io);
    const AtFolder at(folder);
    CHECK(refusal(".").code() == Errc::io);
    CHECK(refusal(part).code() == Errc::io);
    CHECK(names(collect({".."})) == whole);
  }
  SECTION("listed: what the program listed besides goes") {
    Selection selection;
    selection.listed = {temp / "in/.lsend" / part, temp / "in/.lsend", temp / "in/arrived"};
    const auto found = collect_files(selection);
    REQUIRE(found.has_value());
    CHECK(found->files.size() == 1);
    CHECK(found->unsendable.empty());
    REQUIRE(found->warnings.size() == 2);
    CHECK(found->warnings[1] == "'" + (temp / "in/.lsend").string() +
                                    "' is private to a receiver: what is there has not arrived "
                                    "yet; it is skipped");
  }
  SECTION("by links") {
    fs::create_directory(temp / "links");
    fs::create_directory_symlink(temp / "in/.lsend", temp / "links/folder");
    fs::create_symlink(temp / "in/.lsend" / part, temp / "links/file");
    fs::create_directory_symlink(temp / "in", temp / "links/in");
    const auto found = collect({temp / "links"}, true);
    CHECK(names(found) == Names{"links/in/.lsend-trust", "links/in/arrived"});
    CHECK(refusal(temp / "links/folder").code() == Errc::io);
    CHECK(refusal(temp / "links/file").code() == Errc::io);
    CHECK(refusal(temp / "links/folder" / part).code() == Errc::io);
  }
  SECTION("something else beside them") {
    temp.write("in/.lsend/notes", "x");
    CHECK(names(collect({temp / "in"})) == whole);
    CHECK(refusal(temp / "in/.lsend/notes").code() == Errc::io);
    // A disk without permissions: parts are still parts.
    fs::permissions(temp / "in/.lsend", fs::perms(0755));
    CHECK(names(collect({temp / "in"})) ==
          Names{"in/.lsend/notes", "in/.lsend-trust", "in/arrived"});
  }
}

TEST_CASE("of whatever user the receiver is, and wherever its folder lies") {
  const std::string part = "Ab3-_4567890123456789x";
  TempFolder temp;
  temp.write("in/.lsend-1000/" + part, "half");
  temp.write("in/.lsend-mine/" + part, "a file of the user");
  CHECK(names(collect({temp / "in"})) == Names{"in/.lsend-mine/" + part});
  CHECK(refusal(temp / "in/.lsend-1000").code() == Errc::io);
}

TEST_CASE("a folder that vanishes while it is listed is not an empty one") {
  TempFolder temp;
  fs::create_directory(temp / "d");
  const UniqueFd held(::open((temp / "d").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  fs::remove(temp / "d");
  const auto path = "/proc/self/fd/" + std::to_string(held.get());
  CHECK(refusal(path) == Error(Errc::io, "cannot read the folder '" + path +
                                             "': No such file or directory"));
}

TEST_CASE("a folder of that name that is no receiver's is sent") {
  TempFolder temp;
  temp.write("project/.lsend/config.toml", "x");
  temp.write("project/.lsend/hooks/run", "x");
  fs::permissions(temp / "project/.lsend", fs::perms::owner_all);
  CHECK(names(collect({temp / "project"})) ==
        Names{"project/.lsend/config.toml", "project/.lsend/hooks/run"});
  CHECK(names(collect({temp / "project/.lsend"})) ==
        Names{".lsend/config.toml", ".lsend/hooks/run"});
}

TEST_CASE("what the rules leave out need not be there") {
  TempFolder temp;
  temp.write("d/x", "x");
  REQUIRE(mkfifo((temp / "d/fifo").c_str(), 0600) == 0);
  Selection selection;
  selection.paths = {temp / "d", temp / "gone.o"};
  selection.filter = NameFilter({{false, "*.o"}, {false, "fifo"}});
  const auto found = collect_files(selection);
  REQUIRE(found.has_value());
  CHECK(names(*found) == Names{"d/x"});
  CHECK(found->unsendable.empty());
  CHECK(found->filtered == 2);
}

TEST_CASE("a changed name does not take another file's, wherever that comes") {
  const TempFolder temp;
  // In the order of their bytes: 0xEF, 0xEF.. of a sub-folder, 0xFF.
  temp.write("d/a\uFFFD", "1");
  temp.write("d/a\xFF", "22");
  temp.write("d/a\xFE", "333");
  temp.write("d/e/a\xFF", "4");
  temp.write("z/d/e/a\uFFFD", "5");
  auto found = collect({temp / "d"});
  CHECK(names(found) == Names{"d/a\uFFFD", "d/a\uFFFD (1)", "d/a\uFFFD (2)", "d/e/a\uFFFD"});
  CHECK(found.files[0].size == 1);
  CHECK(found.files[1].size == 3);
  CHECK(found.files[2].size == 2);
  found = collect({temp / "d", temp / "z/d"});
  CHECK(names(found).back() == "d/e/a\uFFFD (1)");
}

TEST_CASE("two files of one remote name are both sent") {
  TempFolder temp;
  temp.write("a/x.txt", "1");
  temp.write("b/x.txt", "2");
  temp.write("c/x (1).txt", "3");
  const auto found = collect({temp / "c/x (1).txt", temp / "a/x.txt", temp / "b/x.txt"});
  CHECK(names(found) == Names{"x (1).txt", "x.txt", "x (2).txt"});
  CHECK(found.files[2].name_changed);
  CHECK(found.warnings == Names{"'" + (temp / "b/x.txt").string() + "' is sent as 'x (2).txt'"});
}

namespace {

Collection chosen(const std::vector<fs::path>& paths, std::vector<NameFilter::Rule> rules) {
  Selection selection;
  selection.paths = paths;
  selection.filter = NameFilter(std::move(rules));
  auto result = collect_files(selection);
  REQUIRE(result.has_value());
  return std::move(*result);
}

}  // namespace

TEST_CASE("rules choose what goes, folders included, and what they leave out is counted") {
  TempFolder temp;
  for (const char* name : {"d/a.c", "d/a.o", "d/build/x.c", "d/build/y.c", "d/.hidden"})
    temp.write(name, "x");
  CHECK(names(chosen({temp / "d"}, {})) ==
        Names{"d/.hidden", "d/a.c", "d/a.o", "d/build/x.c", "d/build/y.c"});
  const auto found = chosen({temp / "d"}, {{false, "*.o"}, {false, "build/"}});
  CHECK(names(found) == Names{"d/.hidden", "d/a.c"});
  CHECK(found.filtered == 2);
  CHECK(found.warnings.empty());
  CHECK(names(chosen({temp / "d"}, {{true, "*/"}, {true, "*.c"}, {false, "*"}})) ==
        Names{"d/a.c", "d/build/x.c", "d/build/y.c"});
  CHECK(names(chosen({temp / "d/a.c", temp / "d/a.o"}, {{false, "*.o"}})) == Names{"a.c"});
  CHECK(chosen({temp / "d"}, {{false, "/d"}}).files.empty());
}

TEST_CASE("listed paths keep their folders") {
  TempFolder temp;
  temp.write("a/x", "1");
  temp.write("b/x", "2");
  temp.write("b/sub/y", "3");
  const AtFolder at(temp / "a");
  Selection selection;
  selection.listed = {"x", "../b/x", "./../b/sub", (temp / "b/x").string()};
  const auto found = collect_files(selection);
  REQUIRE(found.has_value());
  const auto absolute = (temp / "b/x").relative_path().string();
  CHECK(names(*found) == Names{"x", "b/x", "b/sub/y", absolute});
}

TEST_CASE("a list of paths is read by lines or by NULs") {
  TempFolder temp;
  temp.write("lines", "a b\n\n../c\nlast");
  temp.write("nulls", std::string("a\nb\0c\0", 6));
  using Paths = std::vector<fs::path>;
  const auto read = [&](const char* name, bool null) {
    const UniqueFd file(::open((temp / name).c_str(), O_RDONLY | O_CLOEXEC));
    auto list = read_path_list(file.get(), null);
    REQUIRE(list.has_value());
    return std::move(*list);
  };
  CHECK(read("lines", false) == Paths{"a b", "../c", "last"});
  CHECK(read("nulls", true) == Paths{"a\nb", "c"});
  CHECK(read_path_list(-1, false).error().code() == Errc::io);
}

TEST_CASE("what is executable for its owner and what has holes is known") {
  const TempFolder temp;
  temp.write("d/plain", "x");
  temp.write("d/run", "x");
  temp.write("d/sparse", "x");
  REQUIRE(chmod((temp / "d/run").c_str(), 0700) == 0);
  REQUIRE(chmod((temp / "d/plain").c_str(), 0655) == 0);
  fs::resize_file(temp / "d/sparse", 1'000'000'000);
  const auto found = collect({temp / "d"});
  REQUIRE(names(found) == Names{"d/plain", "d/run", "d/sparse"});
  CHECK_FALSE(found.files[0].executable);
  CHECK_FALSE(found.files[0].allocated.has_value());
  CHECK(found.files[1].executable);
  struct stat status {};
  REQUIRE(stat((temp / "d/sparse").c_str(), &status) == 0);
  if (status.st_blocks > 1000) return;  // a disk without holes
  REQUIRE(found.files[2].allocated.has_value());
  CHECK(*found.files[2].allocated == static_cast<std::uint64_t>(status.st_blocks) * 512);
}
