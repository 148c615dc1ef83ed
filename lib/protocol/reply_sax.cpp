#include "reply_sax.hpp"

#include <unordered_set>
#include <utility>

#include "device_json.hpp"
#include "extension.hpp"

namespace lsend::protocol {
namespace {

using Kind = JsonValue::Kind;

/// The tokens of a reply, with the limits that a peer has to keep.
class Tokens {
 public:
  explicit Tokens(const JsonLimits& limits) : limits_(limits) {}

  Result<> take(const std::string& id, const JsonValue& value) {
    if (!value.is(Kind::string)) {
      return fail(Errc::bad_request, "the token of a file is not a text");
    }
    if (tokens.size() >= limits_.max_files) {
      return fail(Errc::limit, "it has more than " + std::to_string(limits_.max_files) + " tokens");
    }
    if (id.size() > limits_.max_id || value.text->size() > limits_.max_token) {
      return fail(Errc::bad_request, "an id or a token in it is too long");
    }
    if (!ids_.insert(id).second) return fail(Errc::bad_request, "it names a file twice");
    tokens.emplace_back(FileId{id}, Token{std::move(*value.text)});
    return {};
  }

  std::vector<std::pair<FileId, Token>> tokens;

 private:
  JsonLimits limits_;
  std::unordered_set<std::string> ids_;
};

class TokenMapReader : public JsonHandler {
 public:
  explicit TokenMapReader(const JsonLimits& limits) : tokens(limits) {}

  Result<> on_value(const JsonPath& path, JsonValue value) override {
    return tokens.take(path[0], value);
  }

  Tokens tokens;
};

class SessionReplyReader : public JsonHandler {
 public:
  explicit SessionReplyReader(const JsonLimits& limits)
      : tokens(limits), points(limits.max_files), limits_(limits) {}

  Result<> on_value(const JsonPath& path, JsonValue value) override {
    if (path.size() == 2 && path[0] == "files") return tokens.take(path[1], value);
    if (path.size() >= 2 && path[0] == kExtension) points.take(path, value);
    if (path.size() != 1) return {};
    if (path[0] == "files") {
      has_files = true;
      if (!value.is(Kind::object)) return wrong_type("files", "a map of tokens");
    }
    if (path[0] == "sessionId") {
      if (!value.is(Kind::string)) return wrong_type("sessionId", "a text");
      if (value.text->size() > limits_.max_id) {
        return fail(Errc::bad_request, "'sessionId' is too long");
      }
      session = std::move(*value.text);
    }
    return {};
  }

  Tokens tokens;
  PointFields points;
  std::string session;
  bool has_files = false;

 private:
  JsonLimits limits_;
};

}  // namespace

Result<PrepareUploadReply> read_token_map(std::string_view json, const JsonLimits& limits) {
  TokenMapReader reader{limits};
  const auto read = read_json_object(json, limits.max_depth, limits.max_string, reader);
  if (!read) return read.error();
  return PrepareUploadReply{SessionId{}, std::move(reader.tokens.tokens)};
}

Result<PrepareUploadReply> read_session_reply(std::string_view json, const JsonLimits& limits) {
  SessionReplyReader reader{limits};
  const auto read = read_json_object(json, limits.max_depth, limits.max_string, reader);
  if (!read) return read.error();
  if (reader.session.empty()) return fail(Errc::bad_request, "'sessionId' is missing");
  if (!reader.has_files) return fail(Errc::bad_request, "'files' is missing");
  PrepareUploadReply reply{SessionId{std::move(reader.session)}, std::move(reader.tokens.tokens)};
  reader.points.finish(reply);
  return reply;
}

void add_tokens(JsonObject& object, const PrepareUploadReply& reply) {
  for (const auto& [id, token] : reply.tokens) object.text(id.str(), token.str());
}

}  // namespace lsend::protocol
