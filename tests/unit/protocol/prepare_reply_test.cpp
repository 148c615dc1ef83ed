#include "catch.hpp"
#include "vectors.hpp"

namespace lsend::protocol {
namespace {

std::string why(const Codec& codec, const std::string& text, const JsonLimits& limits = {}) {
  const auto reply = codec.decode_prepare_reply(text, limits);
  if (!reply) CHECK(reply.error().code() == Errc::protocol);
  return reply ? "read" : reply.error().message();
}

TEST_CASE("v1 answers with a flat map in its own order") {
  const auto reply =
      codec_v1().decode_prepare_reply(vector_text("v1/prepare_reply_seed.json"), JsonLimits{});
  REQUIRE(reply.has_value());
  CHECK(reply->session.empty());
  REQUIRE(reply->tokens.size() == 2);
  CHECK(reply->tokens[0] == std::pair{FileId{"some file id"}, Token{"some token"}});
  CHECK(reply->tokens[1] == std::pair{FileId{"another file id"}, Token{"some other token"}});
  CHECK(codec_v1().encode_prepare_reply(*reply) + "\n" ==
        vector_text("v1/prepare_reply_seed.json"));
}

TEST_CASE("An empty map accepts nothing") {
  const auto reply = codec_v1().decode_prepare_reply("{}", JsonLimits{});
  REQUIRE(reply.has_value());
  CHECK(reply->tokens.empty());
}

TEST_CASE("v2 answers with a session, and what it does not know is ignored") {
  const auto reply = codec_v2().decode_prepare_reply(
      vector_text("v2/prepare_reply_partial_app_1.18.json"), JsonLimits{});
  REQUIRE(reply.has_value());
  CHECK(reply->session == SessionId{"3c7b7e0e-2d2c-4a8e-b6de-90c9ac1d2c11"});
  REQUIRE(reply->tokens.size() == 1);
  CHECK(codec_v2().encode_prepare_reply(*reply) ==
        R"({"sessionId":"3c7b7e0e-2d2c-4a8e-b6de-90c9ac1d2c11","files":{"id-1":"token-1"},)"
        R"("lsend":{"v":1,"resume":{}}})");
}

TEST_CASE("Answers that are not understood") {
  const std::string begin = "malformed prepare-upload answer: ";
  CHECK(why(codec_v2(), R"({"files":{}})") == begin + "'sessionId' is missing");
  CHECK(why(codec_v2(), R"({"sessionId":"","files":{}})") == begin + "'sessionId' is missing");
  CHECK(why(codec_v2(), R"({"sessionId":5,"files":{}})") == begin + "'sessionId' is not a text");
  CHECK(why(codec_v2(), R"({"sessionId":"s"})") == begin + "'files' is missing");
  CHECK(why(codec_v2(), R"({"sessionId":"s","files":[]})") ==
        begin + "'files' is not a map of tokens");
  CHECK(why(codec_v2(), R"({"sessionId":"s","files":{"a":null}})") ==
        begin + "the token of a file is not a text");
  CHECK(why(codec_v2(), R"({"sessionId":"s","files":{"a":"1","a":"2"}})") ==
        begin + "it names a file twice");
  CHECK(why(codec_v2(), "<html>") == begin + "it is not valid JSON at byte 1");
  CHECK(why(codec_v2(), R"({"sessionId":"s","files":{"a":")" + std::string(257, 't') + "\"}}") ==
        begin + "an id or a token in it is too long");
  CHECK(why(codec_v1(), R"({"a":{"b":"c"}})") ==
        "malformed send-request answer: the token of a file is not a text");
}

TEST_CASE("Too many tokens are over a limit") {
  JsonLimits limits;
  limits.max_files = 1;
  const auto reply = codec_v1().decode_prepare_reply(R"({"a":"1","b":"2"})", limits);
  REQUIRE(reply.has_error());
  CHECK(reply.error() ==
        fail(Errc::limit, "malformed send-request answer: it has more than 1 tokens"));
}

}  // namespace
}  // namespace lsend::protocol
