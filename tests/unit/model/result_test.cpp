#include "lsend/model/result.hpp"

#include <cerrno>
#include <stdexcept>

#include "catch.hpp"

namespace lsend {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(Errc::bad_request, "an odd number has no half");
  return n / 2;
}

TEST_CASE("A result is a value or an error") {
  CHECK(half(4).value() == 2);
  const Result<int> none = half(3);
  REQUIRE(none.has_error());
  CHECK(none.error().code() == Errc::bad_request);
  CHECK(none.error() == fail(Errc::bad_request, "an odd number has no half"));
}

TEST_CASE("The value of a failed result throws its sentence") {
  std::string what;
  try {
    half(3).value();
  } catch (const std::runtime_error& error) {
    what = error.what();
  }
  CHECK(what == "an odd number has no half");
}

TEST_CASE("errno is put into words") {
  const Error error = fail_errno(Errc::io, "cannot open 'x'", ENOENT);
  CHECK(error.code() == Errc::io);
  CHECK(error.message() == "cannot open 'x': No such file or directory");
}

}  // namespace
}  // namespace lsend
