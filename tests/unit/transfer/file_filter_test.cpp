#include "lsend/transfer/file_filter.hpp"

#include "catch.hpp"

using lsend::transfer::FileFilter;

TEST_CASE("files pass by their names") {
  struct Case {
    std::vector<std::string> allow, deny;
    const char* path;
    bool passes;
  };
  const std::vector<Case> cases = {
      {{}, {}, "a/b.txt", true},
      {{"*.jpg"}, {}, "a.jpg", true},
      {{"*.jpg"}, {}, "deep/down/a.jpg", true},
      {{"*.jpg"}, {}, "a.png", false},
      {{"*.jpg", "*.png"}, {}, "a.png", true},
      {{}, {"*.exe"}, "dir/a.exe", false},
      {{}, {"*.exe"}, "dir/a.exe.txt", true},
      {{"*"}, {"*.exe"}, "a.exe", false},
      {{}, {".*"}, "dir/.ssh", false},
      {{}, {".ssh/*"}, ".ssh/keys", false},
      {{"photos/*"}, {}, "photos/2026/a.jpg", true},
      {{"photos/*"}, {}, "a.jpg", false},
      {{"a?.[ch]"}, {}, "x/a1.c", true},
      {{"A.txt"}, {}, "a.txt", false},
  };
  for (const auto& c : cases) {
    INFO(c.path);
    CHECK(FileFilter{c.allow, c.deny}.passes(c.path) == c.passes);
  }
}
