#include "lsend/protocol/multipart.hpp"

#include <vector>

#include "catch.hpp"

namespace lsend::protocol {
namespace {

struct FormFile {
  std::string name;
  std::string content;
  bool whole = false;
  bool operator==(const FormFile&) const = default;
};

class Collector : public FormHandler {
 public:
  Result<> begin_file(std::string name) override {
    files.push_back({std::move(name), {}, false});
    return {};
  }
  Result<> file_bytes(std::span<const std::byte> bytes) override {
    CHECK_FALSE(bytes.empty());
    files.back().content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    ++pieces;
    return {};
  }
  Result<> end_file() override {
    files.back().whole = true;
    return {};
  }
  std::vector<FormFile> files;
  std::size_t pieces = 0;
};

const std::string kType = "multipart/form-data; boundary=xyz";

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// Feeds pieces that end at the places given.
Result<> read(const std::string& body, const std::vector<std::size_t>& ends, Collector& into,
              const std::string& type = kType) {
  auto parser = MultipartParser::for_type(type);
  if (!parser) return parser.error();
  std::size_t from = 0;
  for (const std::size_t end : ends) {
    if (auto ok = parser->feed(bytes_of(body).subspan(from, end - from), into); !ok) return ok;
    from = end;
  }
  if (auto ok = parser->feed(bytes_of(body).subspan(from), into); !ok) return ok;
  return parser->finish(into);
}

std::string part(const std::string& disposition, const std::string& content) {
  return "--xyz\r\nContent-Disposition: form-data; name=\"f\"" + disposition + "\r\n\r\n" +
         content + "\r\n";
}

const std::string kEnd = "--xyz--\r\n";

std::string file_part(const std::string& content) { return part("; filename=\"a\"", content); }

TEST_CASE("A form is the same however its bytes come") {
  const std::string tricky =
      "\r\n--xy\r\n--xyzz\r\n--xyz-\r\n--xyz--x\r\n--xyz x\r\n--xyz\rx\r\n--xyz--\r\r\n\r\r\n--";
  const std::string body = "for old readers\r\n" + part("; filename=\"one.bin\"", tricky) +
                           part("", "a field") + part("; filename=two", "") +
                           "--xyz \t\r\ncontent-disposition:form-data;filename=\"3\"\r\n"
                           "Content-Type: text/plain\r\n\r\n\r\n\r\n" +
                           "--xyz--  \r\nepilogue\r\n--xyz\r\n";
  const std::vector<FormFile> expected{
      {"one.bin", tricky, true}, {"two", "", true}, {"3", "\r\n", true}};
  const auto check = [&](const std::vector<std::size_t>& ends) {
    Collector read_files;
    REQUIRE(read(body, ends, read_files).has_value());
    REQUIRE(read_files.files == expected);
  };
  check({});
  std::vector<std::size_t> every;
  for (std::size_t i = 0; i <= body.size(); ++i) {
    every.push_back(i);
    check({i});
    for (std::size_t j = i; j <= body.size(); ++j) check({i, j});
  }
  check(every);
}

TEST_CASE("Content goes on in the pieces that it came in") {
  std::string content;
  for (int i = 0; i < 50'000; ++i) content += "\r\r\n--";
  Collector read_files;
  REQUIRE(read(file_part(content) + kEnd, {}, read_files).has_value());
  CHECK(read_files.files.front().content == content);
  CHECK(read_files.pieces == 1);
}

TEST_CASE("A part without content may have one blank line only") {
  Collector read_files;
  const std::string head = "--xyz\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\n";
  REQUIRE(read(head + "--xyz\r\n" + head.substr(7) + kEnd, {}, read_files).has_value());
  CHECK(read_files.files == std::vector<FormFile>{{"a", "", true}, {"a", "", true}});
}

TEST_CASE("The last line of a form may lack its end") {
  for (const char* end : {"--xyz--", "--xyz--\r", "--xyz-- \t", "--xyz--\r\n"}) {
    Collector read_files;
    REQUIRE(read(file_part("x") + end, {}, read_files).has_value());
    CHECK(read_files.files == std::vector<FormFile>{{"a", "x", true}});
  }
}

TEST_CASE("A form cut anywhere is refused, and its last file is not whole") {
  const std::string body = file_part("content");
  const std::string whole = body + "--xyz--";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO(size);
    Collector read_files;
    const auto result = read(whole.substr(0, size), {}, read_files);
    REQUIRE(result.has_error());
    CHECK(result.error() ==
          fail(Errc::bad_request, "malformed form: it ends before its last boundary"));
    for (const auto& file : read_files.files) CHECK_FALSE(file.whole);
  }
}

TEST_CASE("File names as programs write them") {
  struct Case {
    std::string parameters;
    std::string name;
  };
  const Case cases[] = {
      {"; filename=\"a b.txt\"", "a b.txt"},
      {"; filename=plain.txt", "plain.txt"},
      {" ; FileName = \"x\" ;", "x"},
      {"; filename=\"\"", ""},
      {"; filename=\"say \\\"hi\\\".txt\"", "say \"hi\".txt"},
      {"; filename=\"back\\\\slash\"", "back\\slash"},
      {"; filename=\"C:\\new\\table\"", "C:\\new\\table"},
      {"; filename=\"a;b=c.txt\"", "a;b=c.txt"},
      {"; filename=\"\xC3\xA4\xE2\x82\xAC.txt\"", "\xC3\xA4\xE2\x82\xAC.txt"},
      {"; filename=\"100%22.txt\"", "100%22.txt"},
      {"; filename=\"../x\"", "../x"},
      {"; filename*=utf-8''%e2%82%AC%20x", "\xE2\x82\xAC x"},
      {"; filename=\"fallback\"; filename*=UTF-8'en'%C3%A4", "\xC3\xA4"},
      {"; filename*=UTF-8''..%2Fx; filename=ok", "../x"},
  };
  for (const Case& c : cases) {
    INFO(c.parameters);
    Collector read_files;
    const auto result = read(part(c.parameters, "x") + kEnd, {}, read_files);
    REQUIRE(result.has_value());
    REQUIRE(read_files.files.size() == 1);
    CHECK(read_files.files.front().name == c.name);
  }
}

TEST_CASE("Malformed parts are refused") {
  const std::string begin = "--xyz\r\n";
  const std::string fits = "Content-Disposition: form-data; filename=a\r\n";
  struct Case {
    std::string body;
    std::string why;
  };
  const Case cases[] = {
      {begin + "\r\nx\r\n" + kEnd, "a part has no Content-Disposition"},
      {begin + "Content-Type: a/b\r\n\r\nx\r\n", "a part has no Content-Disposition"},
      {begin + fits + fits + "\r\n", "a part has two dispositions"},
      {begin + "Content-Disposition: attachment; filename=a\r\n\r\n",
       "the disposition of a part is not form-data"},
      {begin + fits + " folded\r\n\r\n", "a header line of a part is malformed"},
      {begin + fits + "a : b\r\n\r\n", "a header line of a part is malformed"},
      {begin + fits + "no colon\r\n\r\n", "a header line of a part is malformed"},
      {begin + "Content-Disposition: form-data; filename=\"a\nb\"\r\n\r\n",
       "a header line of a part is malformed"},
      {begin + "Content-Disposition: form-data; filename=\"a" + std::string(1, '\0') + "\"\r\n\r\n",
       "a header line of a part is malformed"},
      {begin + fits + "Content-Transfer-Encoding: base64\r\n\r\n",
       "a part has a transfer encoding: send it as binary"},
      {part("; filename=\"a", ""), "a quoted text does not end"},
      {part("; filename=\"a\"b", ""), "a parameter is followed by something else"},
      {part("; filename=a b", ""), "a parameter has no proper value"},
      {part("; filename=", ""), "a parameter has no proper value"},
      {part("; filename", ""), "a parameter has no value"},
      {part("; filename=a; filename=b", ""), "a parameter is named twice"},
      {part("; filename*=latin1''a", ""), "a name in 'filename*' is not in UTF-8"},
      {part("; filename*=a", ""), "a name in 'filename*' is not in UTF-8"},
      {part("; filename*=UTF-8''%ff", ""), "a name in 'filename*' is not in UTF-8"},
      {part("; filename*=UTF-8''%4", ""), "a '%' is not followed by two hex digits"},
      {begin + fits + "X: " + std::string(8192, 'x'), "the head of a part is too long"},
  };
  for (const Case& c : cases) {
    INFO(c.body.substr(0, 200));
    Collector read_files;
    const auto result = read(c.body, {}, read_files);
    REQUIRE(result.has_error());
    CHECK(result.error() == fail(Errc::bad_request, "malformed form: " + c.why));
    CHECK(read_files.files.empty());
  }
}

TEST_CASE("A part's head has 20 fields at most") {
  std::string head = "--xyz\r\nContent-Disposition: form-data; filename=a\r\n";
  for (int i = 1; i < 20; ++i) head += "X-More: y\r\n";
  Collector read_files;
  CHECK(read(head + "\r\n" + kEnd, {}, read_files).has_value());
  const auto result = read(head + "X-More: y\r\n\r\n" + kEnd, {}, read_files);
  REQUIRE(result.has_error());
  CHECK(result.error().message() == "malformed form: a part has too many header fields");
}

TEST_CASE("What is no file is bounded") {
  const std::string much(MultipartParser::kMaxIgnored + 1, 'x');
  std::string many;
  while (many.size() < 2 * much.size()) many += part("", "x");
  for (const std::string& body :
       {much, part("", much), many, file_part("x") + kEnd + much, file_part(much) + many}) {
    Collector read_files;
    const auto result = read(body, {}, read_files);
    REQUIRE(result.has_error());
    CHECK(result.error() ==
          fail(Errc::limit, "a form has more than 1 MiB that belongs to no file"));
  }
  Collector read_files;
  CHECK(read(part("", much.substr(1024)) + file_part("x" + much + much) + kEnd, {}, read_files)
            .has_value());
}

TEST_CASE("The handler's error ends the form") {
  class Refusing : public Collector {
   public:
    Result<> file_bytes(std::span<const std::byte>) override {
      return fail(Errc::no_space, "full");
    }
  };
  Refusing refusing;
  const auto result = read(file_part("x") + kEnd, {}, refusing);
  REQUIRE(result.has_error());
  CHECK(result.error().code() == Errc::no_space);
  CHECK_FALSE(refusing.files.front().whole);
}

TEST_CASE("Boundaries of a Content-Type") {
  const std::string longest(70, 'b');
  const struct {
    std::string type;
    std::string boundary;
  } good[] = {
      {"multipart/form-data; boundary=" + longest, longest},
      {"Multipart/Form-Data;charset=utf-8; BOUNDARY=\"a b:?\"", "a b:?"},
      {"multipart/form-data;boundary=----WebKit'()+_,-./:=?x", "----WebKit'()+_,-./:=?x"},
  };
  for (const auto& c : good) {
    INFO(c.type);
    Collector read_files;
    const std::string body = "--" + c.boundary +
                             "\r\nContent-Disposition: form-data; filename=a\r\n\r\nx\r\n--" +
                             c.boundary + "--";
    CHECK(read(body, {}, read_files, c.type).has_value());
    CHECK(read_files.files.size() == 1);
  }
  for (const std::string& type :
       {std::string(), std::string("application/json"), std::string("multipart/mixed; boundary=x"),
        std::string("multipart/form-data"), std::string("multipart/form-data; boundary="),
        std::string("multipart/form-data; boundary=\"\""),
        std::string("multipart/form-data; boundary=\"a \""),
        std::string("multipart/form-data; boundary=\"a"),
        std::string("multipart/form-data; boundary=a; boundary=b"),
        std::string("multipart/form-data; boundary=\xC3\xA4"),
        "multipart/form-data; boundary=b" + longest}) {
    INFO(type);
    const auto parser = MultipartParser::for_type(type);
    REQUIRE(parser.has_error());
    CHECK(parser.error().code() == Errc::bad_request);
  }
  CHECK(MultipartParser::for_type("text/plain").error().message() ==
        "malformed form: its Content-Type is 'text/plain' and not multipart/form-data");
}

}  // namespace
}  // namespace lsend::protocol
