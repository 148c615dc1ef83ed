#include "lsend/storage/safe_path.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "catch.hpp"
#include "lsend/model/text.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;
using namespace std::string_literals;

namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

UniqueFd open_root(const std::filesystem::path& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY));
}

}  // namespace

TEST_CASE("hostile names become harmless ones or are refused") {
  struct Case {
    std::string name;
    std::string expected;  // empty: refused
  };
  const std::vector<Case> cases = {
      {"a.txt", "a.txt"},
      {"a/b/c.txt", "a/b/c.txt"},
      // R31
      {"../x", ""},
      {"../../x", ""},
      {"x/../../y", ""},
      {"a/b/../../../z", ""},
      {"a/..", ""},
      // R32
      {"..", ""},
      {".", "untitled"},
      {"...", "..."},
      {"", "untitled"},
      {"/", "untitled"},
      {"////", "untitled"},
      {" ", "untitled"},
      {"a/./b", "a/b"},
      // R33
      {"/etc/x", "etc/x"},
      {"//parent/abs", "parent/abs"},
      {"~/x", "~/x"},
      // R34, R35
      {R"(..\..\x)", ""},
      {R"(a\b/c\d)", "a/b/c/d"},
      {R"(C:\Windows\x)", "Windows/x"},
      {R"(c:/C:/x)", "x"},
      {"C:x", "C:x"},
      {R"(\\srv\share\x)", "srv/share/x"},
      {R"(\\?\C:\x)", "x"},
      // R36
      {"%2e%2e%2fx", "%2e%2e%2fx"},
      {"\uff0e\uff0e/x", "\uff0e\uff0e/x"},
      {"\u2024\u2024/x", "\u2024\u2024/x"},
      // R37
      {"\xc0\xae\xc0\xae/x", ""},
      {"\xff\xfe", ""},
      {"a\xe2\x82", ""},
      {"\xed\xa0\x80", ""},
      // R38 to R40
      {"x.txt\0.png"s, "x.txt_.png"},
      {"a\nb\rc\td\x07"
       "e\x7f"
       "f",
       "a_b_c_d_e_f"},
      {"a\u009b"
       "31m\u0085\u2028\u2029z",
       "a_31m___z"},
      {"\x1b]0;evil\x07", "_]0;evil_"},
      {"\u00a0\u2027", "\u00a0\u2027"},
      // R41, R42
      {"a\u202e"
       "b\u200b",
       "a\u202e"
       "b\u200b"},
      {"e\u0301 \U0001F468\u200D\U0001F469", "e\u0301 \U0001F468\u200D\U0001F469"},
      // R46 to R49
      {"CON", "CON"},
      {"x.txt:stream", "x.txt:stream"},
      {"name.", "name."},
      {" name ", " name "},
      {"-rf x", "-rf x"},
      {"$(touch x)", "$(touch x)"},
      {".ssh/authorized_keys", ".ssh/authorized_keys"},
      // R50
      {"/dev/null", "dev/null"},
      {"../../dev/stdout", ""},
  };
  for (const auto& c : cases) {
    INFO(escape_for_terminal(c.name));
    auto result = clean_file_name(c.name);
    if (c.expected.empty()) {
      REQUIRE(!result);
      CHECK(result.error().code() == Errc::name_refused);
      continue;
    }
    REQUIRE(result.has_value());
    CHECK(join_components(*result) == c.expected);
    auto again = clean_file_name(join_components(*result));
    REQUIRE(again.has_value());
    CHECK(*again == *result);
  }
}

TEST_CASE("a refusal names the file and the reason") {
  CHECK(clean_file_name("a/../b").error() ==
        Error(Errc::name_refused, "'a/../b' is refused: '..' would leave the folder"));
  CHECK(clean_file_name(repeated("d/", 32) + "x")
            .error()
            .message()
            .ends_with("it has more than 32 folders"));
  CHECK(clean_file_name(repeated(repeated("n", 200) + "/", 6))
            .error()
            .message()
            .ends_with("its path has more than 1024 bytes"));
}

TEST_CASE("long names are cut between characters and keep their extension") {
  const std::vector<std::string> names = {
      std::string(256, 'x') + ".txt", std::string(65'000, 'x') + ".txt",
      repeated("\u00e9", 200) + ".jpg", repeated("\U0001F600", 90) + ".png"};
  for (const auto& name : names) {
    auto result = clean_file_name(name);
    REQUIRE(result.has_value());
    REQUIRE(result->size() == 1);
    const std::string& cut = result->front();
    CHECK(cut.size() <= 255);
    CHECK(cut.size() > 250);
    CHECK(is_utf8(cut));
    CHECK(cut.substr(cut.size() - 4) == name.substr(name.size() - 4));
  }
  CHECK(clean_file_name(std::string(255, 'x'))->front() == std::string(255, 'x'));
  CHECK(clean_file_name("a." + std::string(300, 'x'))->front().size() == 255);
}

TEST_CASE("numbers go in front of the extension") {
  struct Case {
    std::string name;
    unsigned number;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {"photo.jpg", 2, "photo (2).jpg"},
      {"photo", 1, "photo (1)"},
      {".bashrc", 1, ".bashrc (1)"},
      {"a.tar.gz", 1, "a.tar (1).gz"},
      {"a.", 1, "a (1)."},
      {"a (1).txt", 1, "a (1) (1).txt"},
      {std::string(255, 'x'), 10, std::string(250, 'x') + " (10)"},
      {std::string(251, 'x') + ".txt", 1, std::string(247, 'x') + " (1).txt"},
      {repeated("\u00e9", 127), 1, repeated("\u00e9", 125) + " (1)"},
  };
  for (const auto& c : cases) CHECK(numbered_name(c.name, c.number) == c.expected);
}

TEST_CASE("folders are made below the root, and a folder that is there is used") {
  TempFolder temp;
  auto root = open_root(temp.path());
  for (int i = 0; i < 2; ++i) {
    auto folder = open_folder_beneath(root.get(), {"a", "b"});
    REQUIRE(folder.has_value());
    struct stat opened {
    }, expected{};
    REQUIRE(fstat(folder->get(), &opened) == 0);
    REQUIRE(stat((temp / "a/b").c_str(), &expected) == 0);
    CHECK(opened.st_ino == expected.st_ino);
  }
  CHECK(open_folder_beneath(root.get(), {}).has_value());
}

TEST_CASE("nothing leads out of the root") {
  TempFolder temp;
  std::filesystem::create_directories(temp / "root");
  std::filesystem::create_directories(temp / "outside/sub");
  std::filesystem::create_directory_symlink(temp / "outside", temp / "root/absolute");
  std::filesystem::create_directory_symlink("../outside", temp / "root/relative");
  std::filesystem::create_directory_symlink("nowhere", temp / "root/dangling");
  std::filesystem::create_directory_symlink(".", temp / "root/inside");
  temp.write("root/file", "x");
  auto root = open_root(temp / "root");
  const std::vector<std::vector<std::string>> cases = {
      {"absolute"},
      {"absolute", "sub"},
      {"absolute", "new"},
      {"relative", "sub"},
      {"dangling", "new"},
      {"inside"},
      {"file"},
      {"file", "new"},
      {".."},
      {"a", "..", ".."},
      {"."},
      {""},
      {"/etc"},
      {"a/../../outside"},
  };
  for (const auto& components : cases) {
    INFO(join_components(components));
    auto folder = open_folder_beneath(root.get(), components);
    REQUIRE(!folder);
    CHECK(folder.error().code() == Errc::name_refused);
  }
  CHECK(open_folder_beneath(root.get(), {"absolute", "new"}).error().message() ==
        "'absolute/new' is refused: 'absolute' is there as a file or a symbolic link, and a folder "
        "is needed");
  CHECK_FALSE(std::filesystem::exists(temp / "outside/new"));
  CHECK_FALSE(std::filesystem::exists(temp / "root/nowhere"));
}
