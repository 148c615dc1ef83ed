#include "lsend/storage/home.hpp"

#include <stdlib.h>
#include <sys/stat.h>

#include <map>
#include <optional>
#include <vector>

#include "catch.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;
namespace fs = std::filesystem;

namespace {

using Variables = std::map<std::string, std::string>;

/// Just these variables, and what was there before when it ends.
class Environment {
 public:
  explicit Environment(const Variables& variables) {
    for (const char* name :
         {"LSEND_HOME", "HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME",
          "XDG_DOWNLOAD_DIR", "STATE_DIRECTORY", "CONFIGURATION_DIRECTORY"}) {
      const char* value = getenv(name);
      before_[name] = value ? std::optional<std::string>(value) : std::nullopt;
      unsetenv(name);
    }
    for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (const auto& [name, value] : before_) {
      unsetenv(name.c_str());
      if (value) setenv(name.c_str(), value->c_str(), 1);
    }
  }

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

}  // namespace

TEST_CASE("where things are kept") {
  struct Case {
    const char* what;
    Variables environment;
    const char *config, *data, *state, *downloads;
  };
  const std::vector<Case> cases = {
      {"HOME alone",
       {{"HOME", "/nohome/u"}},
       "/nohome/u/.config/lsend",
       "/nohome/u/.local/share/lsend",
       "/nohome/u/.local/state/lsend",
       "/nohome/u/Downloads/lsend"},
      {"XDG",
       {{"HOME", "/nohome/u"},
        {"XDG_CONFIG_HOME", "/c"},
        {"XDG_DATA_HOME", "/d"},
        {"XDG_STATE_HOME", "/s"},
        {"XDG_DOWNLOAD_DIR", "/dl"}},
       "/c/lsend",
       "/d/lsend",
       "/s/lsend",
       "/dl/lsend"},
      {"relative XDG is ignored",
       {{"HOME", "/nohome/u"}, {"XDG_CONFIG_HOME", "c"}, {"XDG_DATA_HOME", ""}},
       "/nohome/u/.config/lsend",
       "/nohome/u/.local/share/lsend",
       "/nohome/u/.local/state/lsend",
       "/nohome/u/Downloads/lsend"},
      {"systemd",
       {{"HOME", "/nohome/u"},
        {"XDG_CONFIG_HOME", "/c"},
        {"CONFIGURATION_DIRECTORY", "/etc/lsend"},
        {"STATE_DIRECTORY", "/var/lib/lsend:/var/lib/other"}},
       "/etc/lsend",
       "/var/lib/lsend",
       "/var/lib/lsend",
       "/nohome/u/Downloads/lsend"},
      {"LSEND_HOME",
       {{"HOME", "/nohome/u"}, {"LSEND_HOME", "/all"}, {"STATE_DIRECTORY", "/var/lib/lsend"}},
       "/all",
       "/all",
       "/all",
       "/nohome/u/Downloads/lsend"},
  };
  for (const auto& c : cases) {
    INFO(c.what);
    const Environment environment(c.environment);
    auto home = Home::locate();
    REQUIRE(home.has_value());
    CHECK(home->config == c.config);
    CHECK(home->data == c.data);
    CHECK(home->state == c.state);
    CHECK(home->downloads == c.downloads);
  }
}

TEST_CASE("the user's own download folder is found") {
  struct Case {
    const char* entry;
    const char* expected;  // below the home folder
  };
  for (const auto& c : {Case{"XDG_DOWNLOAD_DIR=\"$HOME/T\u00e9l\"\n", "T\u00e9l/lsend"},
                        Case{"# XDG_DOWNLOAD_DIR=\"$HOME/x\"\n", "Downloads/lsend"},
                        Case{"XDG_DOWNLOAD_DIR=\"$HOME/\"\n", "Downloads/lsend"},
                        Case{"XDG_DOWNLOAD_DIR=\"\n", "Downloads/lsend"},
                        Case{"XDG_DOWNLOAD_DIR=\"relative\"\n", "Downloads/lsend"}}) {
    INFO(c.entry);
    TempFolder temp;
    temp.write(".config/user-dirs.dirs", c.entry);
    const Environment environment(Variables{{"HOME", temp.path().string()}});
    CHECK(Home::locate()->downloads == temp / c.expected);
  }
}

TEST_CASE("without HOME the password database helps, LSEND_HOME needs neither") {
  const Environment environment(Variables{{"LSEND_HOME", "/all"}});
  auto home = Home::locate();
  REQUIRE(home.has_value());
  CHECK(home->data == "/all");
  CHECK(home->downloads.is_absolute());
}

TEST_CASE("a host name is one label") {
  CHECK_FALSE(host_name().empty());
  CHECK(host_name().find('.') == std::string::npos);
}

TEST_CASE("a small file is replaced as a whole") {
  TempFolder temp;
  const auto path = temp.write("f", "old");
  REQUIRE(write_file_atomically(path, "new", 0600).has_value());
  CHECK(read_text(path) == "new");
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0600U);
  CHECK(files_in(temp.path()) == std::set<std::string>{"f"});
}

TEST_CASE("a write that fails leaves the old file and nothing else") {
  TempFolder temp;
  temp.write("d/f", "old");
  CHECK(write_file_atomically(temp / "d", "new", 0600).error().code() == Errc::io);
  CHECK(files_in(temp.path()) == std::set<std::string>{"d/f"});
  CHECK(write_file_atomically(temp / "no/f", "x", 0600).error() ==
        Error(Errc::io,
              "cannot write '" + (temp / "no/f").string() + "': No such file or directory"));
}
