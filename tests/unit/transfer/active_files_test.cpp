#include "lsend/transfer/active_files.hpp"

#include "catch.hpp"

using namespace lsend;
using namespace lsend::transfer;
using std::chrono::seconds;

namespace {

std::string names(const ActiveFiles& files, std::size_t most, TimePoint now) {
  std::string text;
  for (const auto& file : files.show(most, now)) text += file.name + std::to_string(file.bytes);
  return text;
}

}  // namespace

TEST_CASE("active files: in the order in which they began, until they are whole") {
  ActiveFiles files;
  const TimePoint start{};
  files.moved(7, "a", 10, 1, start);
  files.moved(3, "b", 10, 2, start);
  files.moved(7, "a", 10, 4, start);
  files.moved(5, "c", 10, 3, start);
  CHECK(names(files, 4, start) == "a5b2c3");
  CHECK(names(files, 2, start) == "a5b2");
  files.moved(3, "b", 10, 8, start);
  CHECK(names(files, 4, start) == "a5c3");
  files.forget(7);
  CHECK(names(files, 4, start) == "c3");
  files.moved(1, "empty", 0, 0, start);
  CHECK(names(files, 4, start) == "c3");
}

TEST_CASE("active files: one that stands still comes last, and their number is bounded") {
  ActiveFiles files;
  const TimePoint start{};
  files.moved(0, "old", 10, 1, start);
  files.moved(1, "new", 10, 1, start + seconds(6));
  CHECK(names(files, 1, start + seconds(6)) == "new1");
  CHECK(names(files, 4, start + seconds(6)) == "new1old1");
  for (std::size_t i = 2; i < 1000; ++i) files.moved(i, "x", 10, 1, start);
  CHECK(files.show(1000, start).size() == 128);
}
