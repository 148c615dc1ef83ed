#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "lsend/protocol/prepare_decoder.hpp"
#include "vectors.hpp"

namespace lsend::protocol {
namespace {

const DeviceDefaults kDefaults{4711, Scheme::http};

Result<PrepareUpload> read(const std::string& text, const JsonLimits& limits = {}) {
  return codec_v2().decode_prepare_upload(text, kDefaults, limits);
}

/// A request of one file of which one member has another value, as JSON text.
std::string with(std::string_view name, std::string_view value) {
  std::string file = R"("id":"a","fileName":"a.txt","size":3,"fileType":"text/plain")";
  const std::string key = '"' + std::string{name} + "\":";
  const auto at = file.find(key);
  if (at == std::string::npos) {
    file += ',' + key + std::string{value};
  } else {
    const auto end = std::min(file.find(',', at), file.size());
    file.replace(at, end - at, value == "missing" ? "\"x\":0" : key + std::string{value});
  }
  return R"({"info":{"alias":"A"},"files":{"a":{)" + file + "}}}";
}

std::string why(const std::string& text) {
  const auto request = read(text);
  if (!request) CHECK(request.error().code() == Errc::bad_request);
  return request ? "read" : request.error().message();
}

TEST_CASE("Every vector of a request is read") {
  int count = 0;
  for (const Vector& vector : all_vectors()) {
    if (!vector.is("prepare_upload")) continue;
    INFO(vector.name);
    const auto request = vector.codec().decode_prepare_upload(vector.text, kDefaults, JsonLimits{});
    REQUIRE(request.has_value());
    CHECK(is_message(*request) == vector.is("prepare_upload_message"));
    CHECK(request->files.front().preview.has_value() == is_message(*request));
    ++count;
  }
  CHECK(count == 7);
}

TEST_CASE("The request of v1's document") {
  const auto request = codec_v1().decode_prepare_upload(vector_text("v1/prepare_upload_seed.json"),
                                                        kDefaults, JsonLimits{});
  REQUIRE(request.has_value());
  CHECK(request->info.alias == "Nice Orange");
  CHECK(request->info.version.is_v1());
  CHECK(request->info.port == 4711);
  REQUIRE(request->files.size() == 2);
  FileInfo first;
  first.id = FileId{"some file id"};
  first.file_name = "my image.png";
  first.size = 324242;
  first.file_type = "image/*";
  CHECK(request->files[0] == first);
}

TEST_CASE("v1's file types and MIME types stand for one another") {
  const auto request = codec_v1().decode_prepare_upload(
      vector_text("v1/prepare_upload_app_1.8.json"), kDefaults, JsonLimits{});
  REQUIRE(request.has_value());
  REQUIRE(request->files.size() == 4);
  CHECK(request->files[0].file_type == "video/*");
  CHECK(request->files[1].file_type == "application/pdf");
  CHECK(request->files[1].size == 9007199254740993U);
  CHECK(request->files[2].file_type == "application/vnd.android.package-archive");
  CHECK(request->files[3].file_type == "application/octet-stream");
  const auto word = [](const char* mime) {
    PrepareUpload out{full_device_info(), {FileInfo{}}};
    out.files[0].id = FileId{"a"};
    out.files[0].file_type = mime;
    const auto json = nlohmann::json::parse(codec_v1().encode_prepare_upload(out));
    return json["files"]["a"]["fileType"];
  };
  CHECK(word("image/png") == "image");
  CHECK(word("video/mp4") == "video");
  CHECK(word("application/pdf") == "pdf");
  CHECK(word("text/x-c++") == "text");
  CHECK(word("application/vnd.android.package-archive") == "other");
  CHECK(word("") == "other");
}

TEST_CASE("All that a file says, as 1.18 says it") {
  const auto request = read(vector_text("v2/prepare_upload_app_1.18.json"));
  REQUIRE(request.has_value());
  REQUIRE(request->files.size() == 1);
  const FileInfo& file = request->files[0];
  CHECK(file.sha256 == "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
  REQUIRE(file.modified.has_value());
  CHECK(format_rfc3339(*file.modified) == "2026-08-01T12:00:00.123456789Z");
  REQUIRE(file.accessed.has_value());
  CHECK(format_rfc3339(*file.accessed) == "2026-08-01T12:00:01Z");
  const auto again = read(codec_v2().encode_prepare_upload(*request));
  REQUIRE(again.has_value());
  CHECK(again->files == request->files);
  CHECK(again->info == request->info);
}

TEST_CASE("v1 senders get only what v1 knows of a file") {
  auto request = read(vector_text("v2/prepare_upload_app_1.18.json"));
  REQUIRE(request.has_value());
  const auto json = nlohmann::json::parse(codec_v1().encode_prepare_upload(*request));
  const nlohmann::json file = {
      {"id", "id-1"}, {"fileName", "one.png"}, {"size", 324242}, {"fileType", "image"}};
  CHECK(json["files"]["id-1"] == file);
  CHECK(json["info"]["deviceType"] == "desktop");
  CHECK(json["info"]["version"] == "2.2");
}

TEST_CASE("A size is a whole number that fits") {
  for (const char* bad : {"1.0", "1.5", "1e1", "-1", "-0", "\"1\"", "true", "null", "[]", "{}",
                          "18446744073709551616", "1000000000000000000000000000000"}) {
    INFO(bad);
    CHECK(why(with("size", bad)) ==
          "malformed prepare-upload request: in its file 1 'size' is not a whole number");
  }
  CHECK(read(with("size", "0"))->files[0].size == 0);
  CHECK(read(with("size", "18446744073709551615"))->files[0].size == 18446744073709551615U);
}

TEST_CASE("What a file has to say") {
  const std::string begin = "malformed prepare-upload request: in its file 1 ";
  for (const std::string name : {"id", "fileName", "size", "fileType"}) {
    CHECK(why(with(name, "missing")) == begin + "'" + name + "' is missing");
  }
  CHECK(why(with("fileName", "null")) == begin + "'fileName' is not a text");
  CHECK(why(with("fileType", "[\"text\"]")) == begin + "'fileType' is not a text");
  CHECK(why(with("fileName", '"' + std::string(4097, 'n') + '"')) ==
        begin + "'fileName' is longer than 4096 bytes");
  for (const char* bad : {"\"\"", "\"abc\"", "5", "{}"}) {
    CHECK(why(with("sha256", bad)).starts_with(begin + "'sha256' is not"));
  }
  CHECK(why(with("sha256", '"' + std::string(63, 'a') + "g\"")) ==
        begin + "'sha256' is not 64 hex digits");
  CHECK(why(with("sha256", "null")) == "read");
  CHECK(why(with("preview", "5")) == begin + "'preview' is not a text");
  CHECK(why(with("x", "{\"size\":\"\"}")) == "read");
}

TEST_CASE("Bad times are ignored, never refused") {
  for (const char* metadata :
       {"5", "\"x\"", "[]", "null", "{}", R"({"modified":5})", R"({"modified":"yesterday"})",
        R"({"modified":{"x":1},"accessed":"999999-01-01T00:00:00Z"})"}) {
    INFO(metadata);
    const auto request = read(with("metadata", metadata));
    REQUIRE(request.has_value());
    CHECK_FALSE(request->files[0].modified);
    CHECK_FALSE(request->files[0].accessed);
  }
}

TEST_CASE("What a request has to say") {
  const std::string begin = "malformed prepare-upload request: ";
  const std::string file = R"({"id":"a","fileName":"n","size":1,"fileType":"x"})";
  const std::string info = R"("info":{"alias":"A"})";
  CHECK(why("{" + info + "}") == begin + "'files' is missing");
  CHECK(why("{" + info + R"(,"files":{}})") == begin + "it has no files");
  CHECK(why("{" + info + R"(,"files":[]})") == begin + "'files' is not an object");
  CHECK(why("{" + info + R"(,"files":{"a":5}})") == begin + "'files' is not a map of files");
  CHECK(why(R"({"files":{"a":)" + file + "}}") == begin + "'info' is missing");
  CHECK(why(R"({"info":null,"files":{"a":)" + file + "}}") == begin + "'info' is not an object");
  CHECK(why(R"({"info":{},"files":{"a":)" + file + "}}") == begin + "'alias' is missing");
  CHECK(why("{" + info + R"(,"files":{"a":)" + file + R"(,"a":)" + file + "}}") ==
        begin + "two files have the same id");
  CHECK(why("{" + info + R"(,"files":{"":)" + file + "}}") ==
        begin + "in its file 1 the id is empty");
  CHECK(why("{" + info + R"(,"files":{")" + std::string(513, 'i') + "\":" + file + "}}") ==
        begin + "in its file 1 the id is longer than 512 bytes");
  CHECK(why(R"({"files":{"a":)" + file + "}," + info + "}") == "read");
}

TEST_CASE("The key of the map is the id") {
  const auto request = read(
      R"({"info":{"alias":"A"},"files":{"key":{"id":"other","fileName":"n","size":1,"fileType":"x"}}})");
  REQUIRE(request.has_value());
  CHECK(request->files[0].id == FileId{"key"});
}

TEST_CASE("A sender without a server may say port 0") {
  const auto request = read(
      R"({"info":{"alias":"A","port":0},"files":{"a":{"id":"a","fileName":"n","size":1,"fileType":"x"}}})");
  REQUIRE(request.has_value());
  CHECK(request->info.port == 4711);
}

TEST_CASE("The text of a message has its own limit") {
  JsonLimits limits;
  limits.max_string = 64;
  limits.max_message = 100;
  const auto text = [](std::size_t size) { return '"' + std::string(size, 'p') + '"'; };
  REQUIRE(read(with("preview", text(100)), limits).has_value());
  CHECK(read(with("preview", text(100)), limits)->files[0].preview == std::string(100, 'p'));
  const auto over = read(with("preview", text(101)), limits);
  REQUIRE(over.has_error());
  CHECK(over.error() == fail(Errc::limit,
                             "malformed prepare-upload request: its text is longer than 100 "
                             "bytes; it can be sent as a file"));
  CHECK(read(with("preview", text(10'000'000)))->files[0].preview->size() == 10'000'000);
}

TEST_CASE("Previews of files that are no message are dropped, whatever their size") {
  const std::string preview = R"("preview":")" + std::string(100'000, 'p') + '"';
  std::string files;
  for (const char* id : {"a", "b", "c"}) {
    files += (files.empty() ? "\"" : ",\"") + std::string{id} +
             R"(":{"id":"x","fileName":"n","size":1,"fileType":"text/plain",)" + preview + "}";
  }
  JsonLimits limits;
  limits.max_message = 10;
  const auto request = read(R"({"info":{"alias":"A"},"files":{)" + files + "}}", limits);
  REQUIRE(request.has_value());
  REQUIRE(request->files.size() == 3);
  for (const FileInfo& file : request->files) CHECK_FALSE(file.preview);
  const auto image = read(
      R"({"info":{"alias":"A"},"files":{"a":{"id":"a","fileName":"n","size":1,"fileType":"image/png",)" +
      preview + "}}}");
  REQUIRE(image.has_value());
  CHECK_FALSE(image->files[0].preview);
}

TEST_CASE("15,000 files there and back, and one too many") {
  PrepareUpload request{full_device_info(), {}};
  for (int i = 15'000; i > 0; --i) {
    FileInfo file;
    file.id = FileId{"id-" + std::to_string(i)};
    file.file_name = "folder/\xC3\xBC" + std::to_string(i) + ".jpg";
    file.size = static_cast<std::uint64_t>(i);
    file.file_type = "image/jpeg";
    request.files.push_back(file);
  }
  const std::string text = codec_v2().encode_prepare_upload(request);
  JsonLimits limits;
  limits.max_files = 15'000;
  const auto again = read(text, limits);
  REQUIRE(again.has_value());
  CHECK(again->info == request.info);
  CHECK(again->files == request.files);
  limits.max_files = 14'999;
  const auto over = read(text, limits);
  REQUIRE(over.has_error());
  CHECK(over.error() ==
        fail(Errc::limit, "malformed prepare-upload request: it has more than 14999 files"));
}

/// As it comes from a socket, in blocks of `size` bytes.
Result<PrepareUpload> read_in_blocks(std::string_view text, std::size_t size,
                                     PrepareDecoder::Files files) {
  PrepareDecoder decoder("request", JsonLimits{}, files);
  for (std::size_t at = 0; at < text.size(); at += size) {
    const auto fed = decoder.feed(text.substr(at, size));
    if (!fed) return fed.error();
  }
  return decoder.finish(kDefaults);
}

TEST_CASE("prepare-upload: it may come in blocks of any size") {
  const auto text = with("fileName", R"("gr\u00fc\u00dfe \ud83d\ude00.txt")");
  const auto whole = read(text);
  REQUIRE(whole.has_value());
  for (const std::size_t size : {1, 2, 3, 7, 100, 10'000}) {
    const auto read = read_in_blocks(text, size, PrepareDecoder::Files::keep);
    REQUIRE(read.has_value());
    CHECK(read->files == whole->files);
    CHECK(read->info == whole->info);
  }
}

TEST_CASE("prepare-upload: a mistake is told at its byte, whatever the blocks") {
  for (const std::size_t size : {1, 5, 10'000}) {
    for (const auto files : {PrepareDecoder::Files::keep, PrepareDecoder::Files::count}) {
      const auto why = [&](std::string_view text) {
        const auto read = read_in_blocks(text, size, files);
        return read ? std::string("none") : read.error().message();
      };
      CHECK(why(R"({"info":{"alias":"A"},,)") ==
            "malformed request: it is not valid JSON at byte 23");
      CHECK(why(R"({"info":{"alias":"A"})") == "malformed request: it is not valid JSON at byte 22");
      CHECK(why("\xEF\xBB\xBF{}") == "malformed request: it begins with a byte order mark");
      CHECK(why("") == "malformed request: it is not valid JSON at byte 1");
      CHECK(why(with("size", "-1")) ==
            "malformed request: in its file 1 'size' is not a whole number");
      CHECK(why(R"({"info":{"alias":"A"},"files":{}})") == "malformed request: it has no files");
    }
  }
}

TEST_CASE("prepare-upload: files that are counted are not kept") {
  std::string text = R"({"info":{"alias":"A"},"files":{)";
  for (int i = 0; i < 1000; ++i) {
    const auto id = std::to_string(i);
    text += (i > 0 ? ",\"" : "\"") + id + R"(":{"id":")" + id +
            R"(","fileName":"n","size":18446744073709551,"fileType":"text/plain"})";
  }
  text += "}}";
  PrepareDecoder decoder("request", JsonLimits{}, PrepareDecoder::Files::count);
  REQUIRE(decoder.feed(text).has_value());
  const auto read = decoder.finish(kDefaults);
  REQUIRE(read.has_value());
  CHECK(read->files.size() == 1);
  CHECK(read->info.alias == "A");
  CHECK(decoder.files() == 1000);
  CHECK(decoder.bytes() == 18446744073709551000U);
}

}  // namespace
}  // namespace lsend::protocol
