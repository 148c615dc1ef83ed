#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "catch.hpp"
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
    CHECK(try_collect({temp / "d/dangling"}, false).error().code() == Errc::io);
  }
  SECTION("inside") {
    const auto found = collect({temp / "d"});
    CHECK(names(found) == Names{"d/a"});
    CHECK(found.links_skipped == 3);
    CHECK(found.left_out == 0);
    CHECK(found.warnings ==
          Names{"3 symbolic links were skipped (--follow sends what they point to)"});
  }
  SECTION("followed") {
    const auto found = collect({temp / "d"}, true);
    CHECK(names(found) == Names{"d/a", "d/file-link", "d/folder-link/x"});
    CHECK(found.left_out == 1);
    REQUIRE(found.warnings.size() == 1);
    CHECK(found.warnings[0] == "cannot follow the link '" + (temp / "d/dangling").string() +
                                   "': No such file or directory");
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
  CHECK(try_collect({temp / "missing"}, false).error() ==
        Error(Errc::io,
              "cannot read '" + (temp / "missing").string() + "': No such file or directory"));
  CHECK(try_collect({fifo}, false).error() ==
        Error(Errc::io, "'" + fifo.string() +
                            "' is a FIFO, socket or device: only files and folders can be sent"));
  CHECK(try_collect({"/dev/null"}, false).error().code() == Errc::io);
  CHECK(try_collect({"/proc/self/status"}, false).error() ==
        Error(Errc::io,
              "'/proc/self/status' does not tell its size: pipe it, lsend send TARGET - <FILE"));
}

TEST_CASE("inside a folder the same is left out with a warning") {
  TempFolder temp;
  temp.write("d/x", "x");
  fs::create_directory(temp / "d/empty");
  REQUIRE(mkfifo((temp / "d/fifo").c_str(), 0600) == 0);
  const auto found = collect({temp / "d"});
  CHECK(names(found) == Names{"d/x"});
  CHECK(found.left_out == 1);
  REQUIRE(found.warnings.size() == 2);
  CHECK(found.warnings[0] ==
        "'" + (temp / "d/empty").string() + "' is an empty folder, which cannot be sent");
}

TEST_CASE("unreadable files and folders") {
  if (geteuid() == 0) return;  // root reads everything
  TempFolder temp;
  temp.write("d/secret", "x");
  temp.write("d/closed/x", "x");
  temp.write("d/x", "x");
  fs::permissions(temp / "d/secret", fs::perms::none);
  fs::permissions(temp / "d/closed", fs::perms::none);
  auto named = try_collect({temp / "d/secret"}, false);
  auto folder = try_collect({temp / "d/closed"}, false);
  const auto found = collect({temp / "d"});
  fs::permissions(temp / "d/closed", fs::perms::owner_all);
  CHECK(named.error().message() ==
        "cannot read '" + (temp / "d/secret").string() + "': Permission denied");
  CHECK(folder.error().code() == Errc::io);
  CHECK(names(found) == Names{"d/x"});
  CHECK(found.left_out == 2);
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
