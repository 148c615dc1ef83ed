#include "lsend/storage/real_path.hpp"

#include <unistd.h>

#include "catch.hpp"
#include "temp_folder.hpp"

using namespace lsend::storage;
namespace fs = std::filesystem;

TEST_CASE("links, dots and what is not there") {
  TempFolder temp;
  std::error_code error;
  const auto top = fs::canonical(temp.path());
  temp.write("a/b/file", "x");
  fs::create_directory_symlink("a/b", temp / "relative");
  fs::create_directory_symlink(top / "a", temp / "absolute");
  fs::create_symlink("absolute/b/file", temp / "chain");
  fs::create_symlink("nowhere/x", temp / "dangling");
  for (const auto& [path, real] : std::vector<std::pair<fs::path, fs::path>>{
           {temp / "a/b/file", top / "a/b/file"},
           {temp / "a/b/", top / "a/b"},
           {temp / "a//b/./file", top / "a/b/file"},
           {temp / "relative/../x", top / "a/x"},
           {temp / "absolute/b", top / "a/b"},
           {temp / "chain", top / "a/b/file"},
           {temp / "dangling", top / "nowhere/x"},
           {temp / "new/er/..", top / "new"},
           {temp / "a/b/file/x", top / "a/b/file/x"},
           {"/", "/"},
           {"/..", "/"}}) {
    INFO(path);
    CHECK(real_path(path, error) == real);
    CHECK_FALSE(error);
  }
  const auto before = fs::current_path();
  fs::current_path(temp / "a");
  CHECK(real_path("b", error) == top / "a/b");
  fs::current_path(before);
  CHECK(real_path("", error).empty());
  CHECK(error == std::errc::no_such_file_or_directory);
}

TEST_CASE("links without an end are an error") {
  TempFolder temp;
  std::error_code error;
  fs::create_symlink("loop", temp / "loop");
  CHECK(real_path(temp / "loop", error).empty());
  CHECK(error == std::errc::too_many_symbolic_link_levels);
}
