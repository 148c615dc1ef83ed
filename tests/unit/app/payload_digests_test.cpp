#include "lib/app/payload_digests.hpp"

#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <fstream>

#include "catch.hpp"

namespace lsend::app {
namespace {

const std::string kOfA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";

/// A payload of files that each hold "a".
class Files {
 public:
  explicit Files(std::size_t count) {
    auto pattern = (std::filesystem::temp_directory_path() / "digests-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    for (std::size_t i = 0; i < count; ++i) {
      storage::LocalFile file;
      file.path = (folder_ / std::to_string(i)).string();
      file.size = 1;
      std::ofstream(file.path) << "a";
      payload.local.push_back(std::move(file));
      payload.files.emplace_back();
    }
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  Payload payload;

 private:
  std::filesystem::path folder_;
};

/// What each of so many targets that ask at once gets.
std::vector<Result<const Digests*>> ask(PayloadDigests& digests, std::size_t targets) {
  net::asio::io_context context;
  std::vector<Result<const Digests*>> answers;
  for (std::size_t i = 0; i < targets; ++i)
    net::asio::co_spawn(context, digests.compute(),
                        [&](std::exception_ptr, Result<const Digests*> answer) {
                          answers.push_back(std::move(answer));
                        });
  context.run();
  return answers;
}

TEST_CASE("the digests are computed once for all targets") {
  Files files(50);
  Interrupt interrupt;
  PayloadDigests digests(files.payload, interrupt);
  const auto answers = ask(digests, 5);
  REQUIRE(answers.size() == 5);
  for (const auto& answer : answers) {
    REQUIRE(answer.has_value());
    CHECK(*answer == *answers.front());
  }
  CHECK(**answers.front() == Digests(50, kOfA));
  // Of the files as they were then.
  std::filesystem::remove(files.payload.local.front().path);
  CHECK(ask(digests, 1).front().has_value());
}

TEST_CASE("a file that cannot be hashed has no digest, and the others have theirs") {
  Files files(3);
  std::filesystem::remove(files.payload.local[1].path);
  Interrupt interrupt;
  PayloadDigests digests(files.payload, interrupt);
  for (const auto& answer : ask(digests, 2)) {
    REQUIRE(answer.has_value());
    CHECK(**answer == Digests{kOfA, "", kOfA});
  }
}

TEST_CASE("an interrupt ends the hashing, and is what is told") {
  Files files(3);
  Interrupt interrupt;
  PayloadDigests digests(files.payload, interrupt);
  interrupt.request(Errc::terminated);
  const auto answers = ask(digests, 1);
  REQUIRE_FALSE(answers.front().has_value());
  CHECK(answers.front().error().code() == Errc::terminated);
  const std::atomic<bool> stop = true;
  CHECK_FALSE(hash_all(files.payload, &stop).has_value());
}

}  // namespace
}  // namespace lsend::app
