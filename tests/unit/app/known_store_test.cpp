#include "lsend/app/known_store.hpp"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "catch.hpp"

using namespace lsend;
using namespace lsend::app;
using identity::KnownDevices;
namespace fs = std::filesystem;

namespace {

class TempHome {
 public:
  TempHome() {
    auto name = (fs::temp_directory_path() / "lsend_known_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    home.config = home.data = home.state = home.downloads = name;
  }
  TempHome(const TempHome&) = delete;
  TempHome& operator=(const TempHome&) = delete;
  ~TempHome() {
    std::error_code ignored;
    fs::remove_all(home.data, ignored);
  }
  fs::path file() const { return home.data / "known_devices.json"; }

  storage::Home home;
};

Fingerprint print(char digit) { return Fingerprint(std::string(64, digit)); }

ChangeKnown trust(char digit) {
  return [digit](KnownDevices& known) -> Result<bool> {
    known.set_state(print(digit), identity::TrustState::trusted, FileTime());
    return true;
  };
}

}  // namespace

TEST_CASE("Known devices are kept in a private file beside the identity") {
  const TempHome temp;
  const auto none = load_known(temp.home);
  REQUIRE(none.has_value());
  CHECK(none->all().empty());
  REQUIRE(change_known(temp.home, trust('A')).has_value());
  REQUIRE(change_known(temp.home, trust('B')).has_value());
  const auto both = load_known(temp.home);
  REQUIRE(both.has_value());
  CHECK(both->all().size() == 2);
  struct stat info {};
  REQUIRE(::stat(temp.file().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0600);
}

TEST_CASE("A change that fails or changes nothing leaves the file alone") {
  const TempHome temp;
  REQUIRE(change_known(temp.home, [](KnownDevices&) -> Result<bool> { return false; }).has_value());
  CHECK_FALSE(fs::exists(temp.file()));
  const auto failed = change_known(temp.home, [](KnownDevices& known) -> Result<bool> {
    known.set_state(print('A'), identity::TrustState::trusted, FileTime());
    return fail(Errc::not_found, "nobody");
  });
  REQUIRE(failed.has_error());
  CHECK(failed.error().message() == "nobody");
  CHECK_FALSE(fs::exists(temp.file()));
}

TEST_CASE("A damaged file of known devices is never written over") {
  const TempHome temp;
  std::ofstream(temp.file()) << "{\"format\": 1, \"dev";
  const auto loaded = load_known(temp.home);
  REQUIRE(loaded.has_error());
  CHECK(loaded.error().code() == Errc::identity);
  CHECK(loaded.error().message() ==
        "'" + temp.file().string() +
            "' is no list of known devices: it is no JSON object; mend it, or move it away and "
            "every device is a new one");
  CHECK(change_known(temp.home, trust('A')).has_error());
  std::ifstream file(temp.file());
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == "{\"format\": 1, \"dev");
}

TEST_CASE("A view follows the file and keeps what it last could read") {
  const TempHome temp;
  KnownView view(temp.home);
  CHECK(view.now().all().empty());
  REQUIRE(change_known(temp.home, trust('A')).has_value());
  CHECK(view.now().find(print('A')) != nullptr);
  CHECK_FALSE(view.take_problem().has_value());

  std::ofstream(temp.file()) << "damaged";
  CHECK(view.now().find(print('A')) != nullptr);
  CHECK(view.take_problem().has_value());
  CHECK(view.now().find(print('A')) != nullptr);
  CHECK_FALSE(view.take_problem().has_value());

  fs::remove(temp.file());
  CHECK(view.now().all().empty());
  CHECK_FALSE(view.take_problem().has_value());
}
