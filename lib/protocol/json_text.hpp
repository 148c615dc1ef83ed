#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lsend/model/result.hpp"

namespace lsend::protocol {

/// What stands behind a name: a scalar, or the beginning of a container.
struct JsonValue {
  enum class Kind { null, boolean, unsigned_integer, other_number, string, object, array };

  Kind kind = Kind::null;
  bool boolean = false;
  std::uint64_t number = 0;
  std::string* text = nullptr;  ///< may be moved from

  bool is(Kind wanted) const { return kind == wanted; }
};

/// The names that lead to a value, from the outermost object inwards; never empty.
using JsonPath = std::vector<std::string>;

/// Hears the members of a JSON object in the order of the text. Whatever is inside an array is
/// passed over: no message of the protocol has one.
class JsonHandler {
 public:
  virtual ~JsonHandler() = default;
  virtual Result<> on_value(const JsonPath& path, JsonValue value) = 0;
  /// The object behind `path` ends.
  virtual Result<> on_object_end(const JsonPath&) { return {}; }
  /// How long the string behind `path` may be.
  virtual std::size_t string_limit(const JsonPath&, std::size_t usual) const { return usual; }
};

/// Reads one JSON object while its text comes, in blocks of any size, without a DOM and no deeper than
/// `max_depth`. Errc::bad_request for anything that is none; the errors of the handler are given back.
class JsonReader {
 public:
  /// The handler has to outlive it, and hears of nothing before feed().
  JsonReader(std::size_t max_depth, std::size_t max_string, JsonHandler& handler);
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;
  ~JsonReader();

  /// After an error nothing more may be fed.
  Result<> feed(std::string_view block);
  /// No more comes.
  Result<> finish();

 private:
  class Parser;
  Result<> take(bool more, std::string_view block);

  std::unique_ptr<Parser> parser_;
  std::string begun_;  ///< what might be the beginning of a byte order mark
  std::size_t at_ = 0;
};

/// Reads one JSON object without a DOM, and no deeper than `max_depth`. Errc::bad_request for anything that
/// is not exactly one object in UTF-8 (no byte order mark, no comments) or goes over a limit;
/// otherwise the first error of the handler. The sentence is a clause: "it is ...", "'x' is ...".
Result<> read_json_object(std::string_view text, std::size_t max_depth, std::size_t max_string,
                          JsonHandler& handler);

/// The clause of `error` put behind what was read: "malformed register request: ...".
/// Errc::bad_request becomes `code`, other codes stay.
Error malformed(std::string_view what, const Error& error, Errc code = Errc::bad_request);

/// Writes one JSON object, members in the order of the calls. Bytes that are no UTF-8 become
/// U+FFFD.
class JsonObject {
 public:
  JsonObject& text(std::string_view name, std::string_view value);
  JsonObject& number(std::string_view name, std::uint64_t value);
  JsonObject& flag(std::string_view name, bool value);
  JsonObject& object(std::string_view name, const JsonObject& value);
  /// An object in place: the members that follow, until end(), are its own. What is large is
  /// written once this way.
  JsonObject& begin(std::string_view name);
  JsonObject& end();
  /// Room for so many bytes in all: what is large is not copied while it grows.
  void reserve(std::size_t bytes) { out_.reserve(bytes); }

  std::string str() const { return out_ + '}'; }
  /// The text without a copy; nothing can be added any more.
  std::string take() {
    out_ += '}';
    return std::move(out_);
  }

 private:
  void name(std::string_view name);

  std::string out_ = "{";
};

}  // namespace lsend::protocol
