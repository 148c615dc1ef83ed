#include "lsend/protocol/query.hpp"

#include "catch.hpp"

namespace lsend::protocol {
namespace {

TEST_CASE("A target is a path and decoded parameters") {
  const auto target = parse_target("/a/%62?x=1&name=a%20b+c%2B&empty=&flag&&u=%C3%BC&e=a=b");
  REQUIRE(target.has_value());
  CHECK(target->path == "/a/%62");
  const std::vector<std::pair<std::string, std::string>> expected{
      {"x", "1"}, {"name", "a b c+"}, {"empty", ""}, {"flag", ""}, {"u", "\xC3\xBC"}, {"e", "a=b"}};
  CHECK(target->query.items == expected);
  CHECK(target->query.get("name") == "a b c+");
  CHECK(target->query.get("empty") == "");
  CHECK_FALSE(target->query.get("NAME"));
  CHECK(parse_target("/")->query.items.empty());
  CHECK(parse_target("/?")->query.items.empty());
}

TEST_CASE("Targets that are refused") {
  struct Case {
    std::string target;
    const char* message;
  };
  const Case cases[] = {
      {"", "malformed request target: it does not begin with '/'"},
      {"http://10.0.0.1/x", "malformed request target: it does not begin with '/'"},
      {"*", "malformed request target: it does not begin with '/'"},
      {"/?a=%", "malformed request target: a '%' is not followed by two hex digits"},
      {"/?a=%4", "malformed request target: a '%' is not followed by two hex digits"},
      {"/?a=%zz", "malformed request target: a '%' is not followed by two hex digits"},
      {"/?a=%-1", "malformed request target: a '%' is not followed by two hex digits"},
      {"/?a=%00", "malformed request target: a parameter has a NUL in it"},
      {"/?a=%c0%ae", "malformed request target: a parameter is not UTF-8"},
      {"/?a=1&b=2&%61=1", "malformed request target: a parameter is named twice"},
      {"/a b", "malformed request target: it has a blank or a control character in it"},
      {std::string("/a\0b", 4),
       "malformed request target: it has a blank or a control character in it"},
      {"/\x1B", "malformed request target: it has a blank or a control character in it"},
      {"/\xFF", "malformed request target: it is not UTF-8"},
  };
  for (const Case& c : cases) {
    INFO(c.target);
    const auto target = parse_target(c.target);
    REQUIRE(target.has_error());
    CHECK(target.error() == fail(Errc::bad_request, c.message));
  }
}

TEST_CASE("A target has at most 8 KiB") {
  CHECK(parse_target("/" + std::string(8191, 'a')).has_value());
  const auto target = parse_target("/" + std::string(8192, 'a'));
  REQUIRE(target.has_error());
  CHECK(target.error() ==
        fail(Errc::target_too_long, "the request target is longer than 8192 bytes"));
}

TEST_CASE("What is encoded is decoded to the same") {
  std::string all;
  for (int c = 1; c < 128; ++c) all += static_cast<char>(c);
  all += "\xC3\xBC";
  CHECK(percent_encode("aZ09-._~") == "aZ09-._~");
  CHECK(percent_encode("a b+c&d=%/\xC3\xBC") == "a%20b%2Bc%26d%3D%25%2F%C3%BC");
  const auto target = parse_target(make_target("/p", {{"x", all}, {"y", "a&x=b#c"}}));
  REQUIRE(target.has_value());
  CHECK(target->query.get("x") == all);
  CHECK(target->query.get("y") == "a&x=b#c");
  CHECK(make_target("/p", {}) == "/p");
  CHECK(make_target("/p", {{"a", "1"}, {"b", "2"}}) == "/p?a=1&b=2");
}

TEST_CASE("The parameters of an upload") {
  const auto read = [](const char* query, bool with_session) {
    return read_upload_params(parse_target(std::string{"/u?"} + query)->query, with_session);
  };
  const auto params = read("sessionId=s&fileId=f%201&token=t", true);
  REQUIRE(params.has_value());
  CHECK(params->session == SessionId{"s"});
  CHECK(params->file == FileId{"f 1"});
  CHECK(params->token == Token{"t"});
  CHECK(read("sessionId=s&fileId=f&token=t", false)->session.empty());
  struct Case {
    const char* query;
    const char* message;
  };
  const Case cases[] = {
      {"fileId=f&token=t", "the upload request has no 'sessionId'"},
      {"sessionId=&fileId=f&token=t", "the upload request has no 'sessionId'"},
      {"sessionId=s&token=t", "the upload request has no 'fileId'"},
      {"sessionId=s&fileId=f", "the upload request has no 'token'"},
      {"sessionid=s&fileId=f&token=t", "the upload request has no 'sessionId'"},
      {"", "the upload request has no 'sessionId'"},
  };
  for (const Case& c : cases) {
    INFO(c.query);
    const auto bad = read(c.query, true);
    REQUIRE(bad.has_error());
    CHECK(bad.error() == fail(Errc::bad_request, c.message));
  }
}

}  // namespace
}  // namespace lsend::protocol
