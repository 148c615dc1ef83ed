#include "catch.hpp"
#include "lsend/protocol/query.hpp"
#include "vectors.hpp"

namespace lsend::protocol {
namespace {

PrepareUpload request_with(std::string_view extension) {
  const std::string json = R"({"info":{"alias":"A","version":"2.1")" + std::string(extension) +
                           R"(},"files":{"a":{"id":"a","fileName":"n","size":1,"fileType":"t"}}})";
  const auto request = codec_v2().decode_prepare_upload(json, DeviceDefaults{}, JsonLimits{});
  REQUIRE(request.has_value());
  return *request;
}

PrepareUploadReply reply_with(std::string_view extension) {
  const std::string json = R"({"sessionId":"s","files":{"a":"t"})" + std::string(extension) + "}";
  const auto reply = codec_v2().decode_prepare_reply(json, JsonLimits{});
  REQUIRE(reply.has_value());
  CHECK(reply->tokens.size() == 1);
  return *reply;
}

TEST_CASE("a v2 device says that it resumes, and neither v1 nor a datagram does") {
  DeviceInfo device;
  device.alias = "A";
  device.version = kOurVersion;
  device.fingerprint = Fingerprint("F");
  const std::string said = R"("lsend":{"v":1,"resume":true})";
  CHECK(codec_v2().encode_info(device).find(said) != std::string::npos);
  CHECK(codec_v2().encode_register(device).find(said) != std::string::npos);
  CHECK(codec_v1().encode_info(device).find("lsend") == std::string::npos);
  CHECK(codec_v1().encode_register(device).find("lsend") == std::string::npos);
  CHECK(encode_announcement({device, true}).find("lsend") == std::string::npos);
}

TEST_CASE("who hashes all that comes says so in its answers") {
  DeviceInfo device;
  device.alias = "A";
  const Ability able{true};
  const auto said = codec_v2().encode_info(device, able);
  CHECK(said.find(R"("lsend":{"v":1,"resume":true,"hashes":true})") != std::string::npos);
  CHECK(codec_v1().encode_info(device, able).find("lsend") == std::string::npos);
  CHECK(codec_v2().encode_info(device, Ability{}).find("hashes") == std::string::npos);
  const auto read = ability_of(said);
  REQUIRE(read.has_value());
  CHECK(read->hashes);
}

TEST_CASE("an ability that is mistyped is none") {
  for (const char* value : {"1", R"("true")", "null", "{}", "[true]", "false"}) {
    INFO(value);
    const auto read = ability_of(R"({"lsend":{"v":1,"hashes":)" + std::string(value) + "}}");
    REQUIRE(read.has_value());
    CHECK_FALSE(read->hashes);
  }
  CHECK_FALSE(ability_of(R"({"lsend":{"hashes":true}})").has_value());
  CHECK_FALSE(ability_of(R"({"hashes":true})").has_value());
}

TEST_CASE("the wish to resume travels with the sender of a v2 request") {
  PrepareUpload request;
  request.info.alias = "A";
  request.files.emplace_back().id = FileId("a");
  CHECK(codec_v2().encode_prepare_upload(request).find("lsend") == std::string::npos);
  request.resume.wanted = true;
  CHECK(codec_v1().encode_prepare_upload(request).find("lsend") == std::string::npos);
  CHECK(codec_v2().encode_prepare_upload(request).find(R"("lsend":{"v":1,"resume":true}},)") !=
        std::string::npos);
  request.resume.session = SessionId("s\"1");
  const auto read = codec_v2().decode_prepare_upload(codec_v2().encode_prepare_upload(request),
                                                     DeviceDefaults{}, JsonLimits{});
  REQUIRE(read.has_value());
  CHECK(read->resume.wanted);
  CHECK(read->resume.session == SessionId("s\"1"));
}

TEST_CASE("another lsend hears what of a file no other would understand") {
  PrepareUpload request;
  request.info.alias = "A";
  auto& file = request.files.emplace_back();
  file.id = FileId("a");
  file.size = 10;
  const std::vector<const FileInfo*> files{&file};
  file.executable = true;
  file.allocated = 4;
  const std::string said = R"("lsend":{"executable":true,"allocated":4})";
  const auto to_lsend = codec_v2().encode_prepare_upload(request.info, files, {}, true);
  CHECK(to_lsend.find(said) != std::string::npos);
  CHECK(codec_v2().encode_prepare_upload(request.info, files, {}, false).find("lsend") ==
        std::string::npos);
  CHECK(codec_v1().encode_prepare_upload(request.info, files, {}, true).find("lsend") ==
        std::string::npos);
  const auto read = codec_v2().decode_prepare_upload(to_lsend, DeviceDefaults{}, JsonLimits{});
  REQUIRE(read.has_value());
  CHECK(read->files.front() == file);
  CHECK(room_of(read->files.front()) == 4);
}

TEST_CASE("what is said of a file and mistyped is as good as unsaid") {
  for (const char* said : {"null", "1", "[]", "{}", R"({"executable":1})", R"({"allocated":"4"})",
                           R"({"allocated":-4,"executable":null})", R"({"allocated":1.5})",
                           R"({"executable":{"v":true},"allocated":[4]})"}) {
    INFO(said);
    const auto read = codec_v2().decode_prepare_upload(
        R"({"info":{"alias":"A"},"files":{"a":{"id":"a","fileName":"n","size":9,"fileType":"t",)"
        R"("lsend":)" +
            std::string(said) + "}}}",
        DeviceDefaults{}, JsonLimits{});
    REQUIRE(read.has_value());
    CHECK_FALSE(read->files.front().executable);
    CHECK_FALSE(read->files.front().allocated.has_value());
  }
}

TEST_CASE("what is no wish is nothing, and nobody is refused for it") {
  CHECK(request_with(R"(,"lsend":{"resume":true,"v":1})").resume.wanted);
  CHECK(request_with(R"(,"lsend":{"resume":true,"v":7,"more":[{}]})").resume.wanted);
  for (const char* said :
       {"", R"(,"lsend":null)", R"(,"lsend":true)", R"(,"lsend":[1])", R"(,"lsend":{})",
        R"(,"lsend":{"v":1})", R"(,"lsend":{"resume":true})", R"(,"lsend":{"v":0,"resume":true})",
        R"(,"lsend":{"v":"1","resume":true})", R"(,"lsend":{"v":1,"resume":"true"})",
        R"(,"lsend":{"v":1,"resume":{"v":1}})", R"(,"lsend":{"v":1,"resume":false})"}) {
    INFO(said);
    const auto wish = request_with(said).resume;
    CHECK_FALSE(wish.wanted);
    CHECK(wish.session.empty());
  }
  CHECK(request_with(R"(,"lsend":{"v":1,"resume":true,"session":5})").resume.session.empty());
  const std::string text = R"(,"lsend":{"v":1,"resume":true,"session":")" + std::string(513, 's');
  CHECK(request_with(text + "\"}").resume.session.empty());
}

TEST_CASE("an answer says from where uploads may go on") {
  PrepareUploadReply reply;
  reply.session = SessionId("s");
  reply.tokens.emplace_back(FileId("a"), Token("t"));
  CHECK(codec_v2().encode_prepare_reply(reply).find("lsend") == std::string::npos);
  reply.resumes = true;
  CHECK(codec_v2().encode_prepare_reply(reply) ==
        R"({"sessionId":"s","files":{"a":"t"},"lsend":{"v":1,"resume":{}}})");
  const std::string digest(64, 'c');
  reply.points.emplace_back(FileId("a"), ResumePoint{12, digest});
  const auto text = codec_v2().encode_prepare_reply(reply);
  CHECK(text == R"({"sessionId":"s","files":{"a":"t"},"lsend":{"v":1,"resume":{"a":{"offset":12,)"
                R"("sha256Prefix":")" +
                    digest + "\"}}}}");
  const auto read = codec_v2().decode_prepare_reply(text, JsonLimits{});
  REQUIRE(read.has_value());
  CHECK(read->resumes);
  CHECK(read->points == reply.points);
  CHECK(codec_v1().encode_prepare_reply(reply) == R"({"a":"t"})");
}

TEST_CASE("an answer names the files that are there already") {
  PrepareUploadReply reply;
  reply.session = SessionId("s");
  reply.tokens.emplace_back(FileId("a"), Token("t"));
  reply.present = {FileId("b"), FileId("c")};
  const auto text = codec_v2().encode_prepare_reply(reply);
  CHECK(text == R"({"sessionId":"s","files":{"a":"t"},"lsend":{"v":1,"present":{"b":true,)"
                R"("c":true}}})");
  const auto read = codec_v2().decode_prepare_reply(text, JsonLimits{});
  REQUIRE(read.has_value());
  CHECK_FALSE(read->resumes);
  CHECK(read->present == reply.present);
  CHECK(codec_v1().encode_prepare_reply(reply) == R"({"a":"t"})");
  for (const auto* said : {R"(,"lsend":{"present":{"b":false,"c":1,"d":{"e":true}}})",
                           R"(,"lsend":{"present":["b"]})", R"(,"lsend":{"present":true})",
                           R"(,"present":{"b":true})"})
    CHECK(reply_with(said).present.empty());
}

TEST_CASE("points that are not whole do not count") {
  const std::string upper(64, 'C');
  const auto good =
      reply_with(R"(,"lsend":{"resume":{"a":{"sha256Prefix":")" + upper + R"(","offset":1}}})");
  CHECK(good.points == std::vector{std::pair{FileId("a"), ResumePoint{1, std::string(64, 'c')}}});
  for (const auto& said :
       {std::string(R"("a":{})"), std::string(R"("a":5)"),
        R"("a":{"sha256Prefix":")" + upper + "\"}", std::string(R"("a":{"offset":1})"),
        R"("a":{"offset":0,"sha256Prefix":")" + upper + "\"}",
        R"("a":{"offset":-1,"sha256Prefix":")" + upper + "\"}",
        R"("a":{"offset":"1","sha256Prefix":")" + upper + "\"}",
        R"("a":{"offset":1,"sha256Prefix":")" + upper + "0\"}",
        R"("a":{"offset":{"offset":1},"sha256Prefix":")" + upper + "\"}"}) {
    INFO(said);
    const auto reply = reply_with(R"(,"lsend":{"resume":{)" + said + "}}");
    CHECK(reply.resumes);
    CHECK(reply.points.empty());
  }
  CHECK_FALSE(reply_with(R"(,"lsend":{"v":1})").resumes);
  CHECK_FALSE(reply_with(R"(,"lsend":{"resume":true})").resumes);
  CHECK_FALSE(reply_with("").resumes);
}

TEST_CASE("the offset of an upload is a number of bytes, and v1 has none") {
  const auto offset_in = [](const std::string& query, bool v2 = true) {
    const auto target = parse_target("/u?sessionId=s&fileId=f&token=t" + query);
    REQUIRE(target.has_value());
    return read_upload_params(target->query, v2);
  };
  CHECK(offset_in("")->offset == std::nullopt);
  CHECK(offset_in("&offset=0")->offset == 0U);
  CHECK(offset_in("&offset=18446744073709551615")->offset == 18446744073709551615U);
  CHECK(offset_in("&offset=x", false)->offset == std::nullopt);
  for (const char* bad : {"", "-1", "%2B1", "1.0", "0x1", "1%20", "18446744073709551616", "1,2"}) {
    INFO(bad);
    const auto params = offset_in(std::string("&offset=") + bad);
    REQUIRE(params.has_error());
    CHECK(params.error().code() == Errc::bad_request);
  }
}

}  // namespace
}  // namespace lsend::protocol
