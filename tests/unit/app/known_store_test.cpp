#include "lsend/app/known_store.hpp"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include <boost/asio/co_spawn.hpp>
#include <optional>

#include "catch.hpp"
#include "lib/app/change_known.hpp"
#include "lsend/net/task_group.hpp"
#include "lsend/storage/shared_file.hpp"

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

using Lock = std::optional<storage::FileLock>;

net::Task<> change_and_note(BlockingPool& pool, const storage::Home& home, Result<>& changed) {
  auto changing = change_known_on(pool, home, trust('A'));
  changed = co_await std::move(changing);
}

/// Holds the lock for a moment of the loop's own time, which a loop that stands still never has.
net::Task<> change_while_locked(const storage::Home& home, Lock& lock, Result<>& changed) {
  const auto executor = co_await net::asio::this_coro::executor;
  BlockingPool pool(1);
  net::TaskGroup tasks(executor);
  tasks.spawn(change_and_note(pool, home, changed));
  const bool slept = co_await net::sleep_for(Duration(50));
  CHECK(slept);
  lock.reset();
  co_await tasks.join();
}

}  // namespace

TEST_CASE("The loop goes on while another process holds the lock") {
  const TempHome temp;
  auto held = storage::FileLock::take(temp.home.data / ".known_devices.lock", Duration(0));
  REQUIRE(held.has_value());
  Lock lock(std::move(*held));
  Result<> changed = fail(Errc::failed, "nothing came of it");
  net::asio::io_context context(1);
  std::exception_ptr failure;
  net::asio::co_spawn(context, change_while_locked(temp.home, lock, changed),
                      [&](std::exception_ptr thrown) { failure = thrown; });
  context.run();
  CHECK(failure == nullptr);
  CHECK(changed.has_value());
  CHECK(load_known(temp.home)->find(print('A')) != nullptr);
}

TEST_CASE("Whoever ends need not wait for a lock") {
  const TempHome temp;
  const auto held = storage::FileLock::take(temp.home.data / ".known_devices.lock", Duration(0));
  REQUIRE(held.has_value());
  const std::atomic<bool> stop = true;
  const auto changed = change_known(temp.home, trust('A'), &stop);
  REQUIRE(changed.has_error());
  CHECK(changed.error().code() == Errc::cancelled);
}

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
