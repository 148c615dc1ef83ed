#include "lsend/model/messages.hpp"

#include "catch.hpp"

namespace lsend {
namespace {

PrepareUpload one_file(std::string type, std::optional<std::string> preview) {
  PrepareUpload request;
  FileInfo file;
  file.file_type = std::move(type);
  file.preview = std::move(preview);
  request.files.push_back(file);
  return request;
}

TEST_CASE("A message is one text file with a preview") {
  CHECK(is_message(one_file("text/plain", "hello")));
  CHECK(is_message(one_file("TEXT/Plain; charset=utf-8", "hello")));
  CHECK(is_message(one_file("text", "")));
  CHECK_FALSE(is_message(one_file("text/plain", std::nullopt)));
  CHECK_FALSE(is_message(one_file("image/png", "hello")));
  CHECK_FALSE(is_message(one_file("tex", "hello")));
  CHECK_FALSE(is_message(PrepareUpload{}));
  PrepareUpload two = one_file("text/plain", "hello");
  two.files.push_back(two.files.front());
  CHECK_FALSE(is_message(two));
}

}  // namespace
}  // namespace lsend
