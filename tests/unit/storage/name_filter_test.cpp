#include "lsend/storage/name_filter.hpp"

#include "catch.hpp"

using lsend::storage::NameFilter;
using Rules = std::vector<NameFilter::Rule>;

TEST_CASE("what a pattern fits") {
  struct Row {
    const char* pattern;
    const char* name;
    bool folder, fits;
  };
  const auto row = GENERATE(
      // without '/': the last part, wherever it is
      Row{"*.o", "a.o", false, true}, Row{"*.o", "p/q/a.o", false, true},
      Row{"*.o", "a.o/b", false, false}, Row{"*.o", "a.oo", false, false},
      Row{"build", "p/build", true, true}, Row{"build", "p/build", false, true},
      Row{"b?[0-9]", "p/bx7", false, true}, Row{"*", ".hidden", false, true},
      Row{"a\\*", "a*", false, true}, Row{"a\\*", "ab", false, false},
      // '/' at the end: folders only
      Row{"build/", "p/build", true, true}, Row{"build/", "p/build", false, false},
      // '/' inside: the last parts
      Row{"p/*.o", "p/a.o", false, true}, Row{"p/*.o", "x/p/a.o", false, true},
      Row{"p/*.o", "p/q/a.o", false, false}, Row{"p/*.o", "xp/a.o", false, false},
      // '/' in front: from the beginning
      Row{"/p", "p", true, true}, Row{"/p", "x/p", true, false},
      Row{"/p/*.o", "p/a.o", false, true}, Row{"/p/*.o", "x/p/a.o", false, false},
      Row{"/p/", "p", true, true}, Row{"/p/", "p", false, false},
      // "**" fits '/' too
      Row{"/p/**.o", "p/q/r/a.o", false, true}, Row{"p/**", "x/p/q/a", false, true},
      Row{"p/**/a", "p/q/r/a", false, true}, Row{"p/**/a", "q/r/a", false, false});
  INFO(row.pattern << " and " << row.name << (row.folder ? "/" : ""));
  const NameFilter filter(Rules{{false, row.pattern}});
  CHECK(filter.takes(row.name, row.folder) != row.fits);
}

TEST_CASE("the first rule that fits decides, and without one everything goes") {
  const NameFilter filter(Rules{{true, "keep.log"}, {false, "*.log"}, {true, "*.log"}});
  CHECK(filter.takes("p/keep.log", false));
  CHECK_FALSE(filter.takes("p/other.log", false));
  CHECK(filter.takes("p/other.txt", false));
  CHECK(NameFilter().takes("anything", false));
}
