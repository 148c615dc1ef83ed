#include "lsend/storage/shared_file.hpp"

#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "lsend/storage/home.hpp"
#include "temp_folder.hpp"

using namespace lsend;
using namespace lsend::storage;

TEST_CASE("A small file is read whole, or the reason names it") {
  const TempFolder folder;
  const auto path = folder.path() / "small";
  const auto missing = read_small_file(path, 100);
  REQUIRE(missing.has_value());
  CHECK_FALSE(missing->has_value());

  std::ofstream(path) << "some text";
  const auto text = read_small_file(path, 9);
  REQUIRE(text.has_value());
  CHECK(**text == "some text");

  const auto too_long = read_small_file(path, 8);
  REQUIRE(too_long.has_error());
  CHECK(too_long.error().message() == "cannot read '" + path.string() + "': it is longer than 8 B");

  const auto fifo = folder.path() / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(read_small_file(fifo, 100).error().code() == Errc::io);
  CHECK(read_small_file(folder.path(), 100).error().code() == Errc::io);
}

TEST_CASE("A lock is waited for, and given up in time") {
  const TempFolder folder;
  const auto path = folder.path() / "lock";
  {
    const auto held = FileLock::take(path, Duration(1000));
    REQUIRE(held.has_value());
    const auto second = FileLock::take(path, Duration(30));
    REQUIRE(second.has_error());
    CHECK(second.error().message() ==
          "another process keeps '" + path.string() + "' locked; try again when it has ended");
  }
  CHECK(FileLock::take(path, Duration(0)).has_value());
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0600);
  CHECK(FileLock::take(folder.path() / "no" / "lock", Duration(0)).error().code() == Errc::io);
}

TEST_CASE("Who takes the lock loses nothing of the others") {
  const TempFolder folder;
  const auto path = folder.path() / "numbers";
  constexpr int kEach = 20;
  std::atomic<int> failures{0};
  const auto append = [&](char digit) {
    for (int i = 0; i < kEach; ++i) {
      const auto lock = FileLock::take(folder.path() / "lock", Duration(10'000));
      const auto text = read_small_file(path, 10'000);
      const bool written =
          lock && text && write_file_atomically(path, text->value_or("") + digit, 0600);
      if (!written) ++failures;
    }
  };
  std::vector<std::thread> threads;
  for (const char digit : {'1', '2', '3'}) threads.emplace_back(append, digit);
  for (auto& thread : threads) thread.join();
  CHECK(failures == 0);
  CHECK((*read_small_file(path, 10'000))->size() == 3 * kEach);
}
