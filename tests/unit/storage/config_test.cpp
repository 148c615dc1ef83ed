#include "lsend/storage/config.hpp"

#include "catch.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;

namespace {

ConfigFile good(const TempFolder& folder, std::string_view text) {
  const auto file = read_config(folder.write("config.toml", text));
  INFO((file ? std::string() : file.error().message()));
  REQUIRE(file.has_value());
  REQUIRE(file->has_value());
  return **file;
}

}  // namespace

TEST_CASE("configuration: values, their types and places") {
  const TempFolder folder;
  const auto file = good(folder,
                         "alias = \"nas\"\n"
                         "port = 4000\n"
                         "\n"
                         "[receive]\n"
                         "  auto-accept = true\n"
                         "  allow = [\"*.jpg\",\n"
                         "           \"*.png\"]\n"
                         "  odd = 1.5\n"
                         "  mixed = [1, \"a\"]\n");
  const auto path = (folder / "config.toml").string();
  const auto& top = file.tables.at("").values;
  CHECK(std::get<std::string>(top.at("alias").value) == "nas");
  CHECK(std::get<std::int64_t>(top.at("port").value) == 4000);
  CHECK(top.at("port").place == path + ":2:1");
  const auto& receive = file.tables.at("receive");
  CHECK(receive.place == path + ":4:1");
  CHECK(std::get<bool>(receive.values.at("auto-accept").value));
  CHECK(std::get<std::vector<std::string>>(receive.values.at("allow").value) ==
        std::vector<std::string>{"*.jpg", "*.png"});
  CHECK(receive.values.at("allow").place == path + ":6:3");
  CHECK(std::holds_alternative<std::monostate>(receive.values.at("odd").value));
  CHECK(std::holds_alternative<std::monostate>(receive.values.at("mixed").value));
}

TEST_CASE("configuration: no file is nothing, and no error") {
  const TempFolder folder;
  const auto file = read_config(folder / "none" / "config.toml");
  REQUIRE(file.has_value());
  CHECK(!file->has_value());
}

TEST_CASE("configuration: what is no TOML is refused with its place") {
  const TempFolder folder;
  struct Row {
    std::string text, place;
  };
  const auto row = GENERATE(Row{"alias = \"a\"\nport = = 3\n", ":2:8: "},
                            Row{"a = 1\na = 2\n", ":2:"}, Row{"[send\n", ":1:"},
                            Row{"alias = \"a\x1b[31m\"\n", ":1:"}, Row{"a = \"\xff\"\n", ":1:"});
  const auto path = folder.write("config.toml", row.text);
  const auto file = read_config(path);
  REQUIRE(!file.has_value());
  CHECK(file.error().code() == Errc::usage);
  INFO(file.error().message());
  CHECK(file.error().message().starts_with(path.string() + row.place));
  CHECK(file.error().message().find('\x1b') == std::string::npos);
}

TEST_CASE("configuration: a folder and a file without end are refused") {
  const TempFolder folder;
  const auto of_folder = read_config(folder.path());
  REQUIRE(!of_folder.has_value());
  CHECK(of_folder.error().code() == Errc::usage);
  CHECK(of_folder.error().message().ends_with("Is a directory"));
  const auto endless = read_config("/dev/zero");
  REQUIRE(!endless.has_value());
  CHECK(endless.error().message().ends_with("it is larger than 1 MiB"));
}
