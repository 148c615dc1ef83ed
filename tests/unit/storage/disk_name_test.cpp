#include "lsend/storage/disk_name.hpp"

#include "catch.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;
namespace fs = std::filesystem;

TEST_CASE("a name for disks that refuse it") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plain.txt", "plain.txt"}, {"a:b?c*d", "a_b_c_d"}, {"<x>|\"y\\z", "_x___y_z"},
      {"a\x01z\x7f", "a_z_"},     {"x.", "x_"},           {"x. .", "x___"},
      {".x", ".x"},               {" x", " x"},           {"CON", "CON_"},
      {"nul.tar.gz", "nul_.tar.gz"}, {"Com1", "Com1_"},   {"LPT9.x", "LPT9_.x"},
      {"COM10", "COM10"},         {"console", "console"}, {"com", "com"},
      {"\u00e9:\u65e5", "\u00e9_\u65e5"}};
  for (const auto& [name, portable] : cases) {
    INFO(name);
    CHECK(portable_name(name) == portable);
    CHECK(portable_name(portable) == portable);
  }
}

TEST_CASE("a disk that takes all names keeps them, and nothing is left of the asking") {
  const TempFolder temp;
  const auto inbox = Inbox::open(temp / "in");
  REQUIRE(inbox.has_value());
  for (const std::string name : {"a:b", "CON", "x.", "x ", "plain"})
    CHECK(names_on_disk(inbox->home(), {name, "d"}) == std::vector<std::string>{name, "d"});
  const std::string longest(255, 'n');
  CHECK(names_on_disk(inbox->home(), {longest}) == std::vector<std::string>{longest});
  CHECK(parts_in(temp / "in") == 0);
}

TEST_CASE("names are twins where the disk says so") {
  const TempFolder temp;
  const auto inbox = Inbox::open(temp / "in");
  REQUIRE(inbox.has_value());
  {
    NameTwins twins(*inbox);
    CHECK(*twins.key({"a", "b"}) == *twins.key({"a", "b"}));
    CHECK(*twins.key({"a", "b"}) != *twins.key({"a", "c"}));
    CHECK(*twins.key({".lsend", "b"}) == *twins.key({"_.lsend", "b"}));
    CHECK((*twins.key({"A", "b"}) == *twins.key({"a", "B"})) == inbox->folds_names());
  }
  CHECK(parts_in(temp / "in") == 0);
}

TEST_CASE("what a killed process has left of its asking is swept") {
  const TempFolder temp;
  const auto inbox = Inbox::open(temp / "in");
  temp.write("in/.lsend/twins-AAAAAAAAAAAAAAAAAAAAAA/file", "0");
  CHECK(inbox->sweep_stale_parts(std::chrono::hours(1)) == 0);
  CHECK(parts_in(temp / "in") == 1);
  inbox->sweep_stale_parts(std::chrono::seconds(-1));
  CHECK(parts_in(temp / "in") == 0);
}

TEST_CASE("the sweep leaves folders of the user, whatever begins their names") {
  const TempFolder temp;
  const std::string random = "AAAAAAAAAAAAAAAAAAAAAA";
  for (const auto& name : {"twins-photos/a.jpg", "twins-/b", ".lsend-twins-x/c"})
    temp.write(name, "mine");
  temp.write("twins-" + random + "/d", "mine");
  temp.write(".lsend-twins-" + random + "/0", "left over");
  const auto inbox = Inbox::open_beside(temp / "x.bin");
  REQUIRE(inbox.has_value());
  inbox->sweep_stale_parts(std::chrono::seconds(-1));
  const std::set<std::string> mine{"twins-photos/a.jpg", "twins-/b", ".lsend-twins-x/c",
                                   "twins-" + random + "/d"};
  CHECK(files_in(temp.path()) == mine);
  CHECK_FALSE(fs::exists(temp / (".lsend-twins-" + random)));
}

TEST_CASE("only folders with the names that we give are swept from the private one") {
  const TempFolder temp;
  const auto inbox = Inbox::open(temp / "in");
  REQUIRE(inbox.has_value());
  temp.write("in/.lsend/twins-photos/a.jpg", "mine");
  inbox->sweep_stale_parts(std::chrono::seconds(-1));
  CHECK(fs::exists(temp / "in/.lsend/twins-photos/a.jpg"));
}

TEST_CASE("the disk is asked about names once, and never under the names of the user's files") {
  const TempFolder temp;
  const std::string longest(255, 'n');
  temp.write(longest, "mine");
  temp.write("a:b", "mine");
  const auto inbox = Inbox::open_beside(temp / "a:b");
  REQUIRE(inbox.has_value());
  const auto home = inbox->home();
  CHECK(names_on_disk(home, {longest, "a:b"}) == std::vector<std::string>{longest, "a:b"});
  CHECK(files_in(temp.path()) == std::set<std::string>{longest, "a:b"});
  CHECK(read_text(temp / "a:b") == "mine");
  CHECK(home.names->find("a:b") == "a:b");
}
