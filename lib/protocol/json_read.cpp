#include <boost/json/basic_parser_impl.hpp>
#include <cmath>
#include <optional>
#include <utility>

#include "json_text.hpp"

namespace lsend::protocol {
namespace {

using Kind = JsonValue::Kind;
using Text = boost::json::string_view;
using ErrorCode = boost::json::error_code;

/// Turns the parser's events into paths and values and keeps the limits.
class EventReader {
 public:
  // What there is to say about a limit, this class says itself.
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  EventReader(std::size_t max_depth, std::size_t max_string, JsonHandler& handler)
      : max_depth_(max_depth), max_string_(max_string), handler_(handler) {}

  /// Why it was refused; nothing when what the parser found is not JSON.
  const std::optional<Error>& error() const { return error_; }

  bool on_document_begin(ErrorCode&) { return true; }
  bool on_document_end(ErrorCode&) { return true; }
  bool on_comment_part(Text, ErrorCode&) { return true; }
  bool on_comment(Text, ErrorCode&) { return true; }
  bool on_number_part(Text part, ErrorCode&) {
    note_sign(part);
    return true;
  }

  bool on_null(ErrorCode& stop) { return value({}, stop); }
  bool on_bool(bool read, ErrorCode& stop) { return value({Kind::boolean, read}, stop); }
  bool on_int64(std::int64_t number, Text digits, ErrorCode& stop) {
    note_sign(digits);
    // Also -0.
    if (*negative_) number = -1;
    if (number < 0) return other_number(stop);
    return on_uint64(static_cast<std::uint64_t>(number), digits, stop);
  }
  bool on_uint64(std::uint64_t number, Text, ErrorCode& stop) {
    negative_.reset();
    return value({Kind::unsigned_integer, false, number}, stop);
  }
  bool on_double(double number, Text, ErrorCode& stop) {
    if (std::isfinite(number)) return other_number(stop);
    return refuse("it has a number in it that is too large", stop);
  }

  bool on_string_part(Text part, std::size_t size, ErrorCode& stop) {
    return take(part, size, stop);
  }
  bool on_string(Text part, std::size_t size, ErrorCode& stop) {
    if (!take(part, size, stop)) return false;
    began_ = false;
    return value({Kind::string, false, 0, &text_}, stop);
  }

  bool on_key_part(Text part, std::size_t size, ErrorCode& stop) {
    if (size > max_string_) return too_long(stop);
    append(part);
    return true;
  }
  bool on_key(Text part, std::size_t size, ErrorCode& stop) {
    if (!on_key_part(part, size, stop)) return false;
    began_ = false;
    if (arrays_ == 0) path_.back().swap(text_);
    return true;
  }

  bool on_object_begin(ErrorCode& stop) {
    if (!open(Kind::object, stop)) return false;
    if (arrays_ == 0) path_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, ErrorCode& stop) {
    --depth_;
    if (arrays_ > 0) return true;
    path_.pop_back();
    return path_.empty() || keep(handler_.on_object_end(path_), stop);
  }
  bool on_array_begin(ErrorCode& stop) {
    if (!open(Kind::array, stop)) return false;
    ++arrays_;
    return true;
  }
  bool on_array_end(std::size_t, ErrorCode&) {
    --depth_;
    --arrays_;
    return true;
  }

 private:
  /// The digits of a number may come in parts, of which the first has the sign.
  void note_sign(Text part) {
    if (!negative_) negative_ = part.starts_with('-');
  }
  bool other_number(ErrorCode& stop) {
    negative_.reset();
    return value({Kind::other_number}, stop);
  }

  bool listening() const { return arrays_ == 0 && !path_.empty(); }

  bool open(Kind kind, ErrorCode& stop) {
    if (depth_ >= max_depth_) {
      return refuse("it is nested deeper than " + std::to_string(max_depth_) + " levels", stop);
    }
    const bool outermost = depth_ == 0 && kind == Kind::object;
    if (!outermost && !value({kind}, stop)) return false;
    ++depth_;
    return true;
  }

  bool value(JsonValue read, ErrorCode& stop) {
    if (depth_ == 0) return refuse("it is not a JSON object", stop);
    return !listening() || keep(handler_.on_value(path_, read), stop);
  }

  /// A text may come in parts: `size` of it with this one.
  bool take(Text part, std::size_t size, ErrorCode& stop) {
    const bool fits =
        size <= max_string_ || (listening() && size <= handler_.string_limit(path_, max_string_));
    if (!fits) return too_long(stop);
    append(part);
    return true;
  }

  void append(Text part) {
    if (!began_) text_.clear();
    began_ = true;
    text_.append(part.data(), part.size());
  }

  bool too_long(ErrorCode& stop) {
    return refuse("a text in it is longer than " + std::to_string(max_string_) + " bytes", stop);
  }

  bool refuse(std::string clause, ErrorCode& stop) {
    return give_up(fail(Errc::bad_request, std::move(clause)), stop);
  }

  bool keep(const Result<>& result, ErrorCode& stop) {
    return result.has_value() || give_up(result.error(), stop);
  }

  bool give_up(Error why, ErrorCode& stop) {
    error_ = std::move(why);
    stop = boost::json::error::exception;  // any will do: the parser ends
    return false;
  }

  std::size_t max_depth_;
  std::size_t max_string_;
  JsonHandler& handler_;
  JsonPath path_;
  std::string text_;    ///< what has come of a text
  bool began_ = false;  ///< something has
  std::optional<bool> negative_;  ///< of a number that has begun
  std::size_t depth_ = 0;
  std::size_t arrays_ = 0;
  std::optional<Error> error_;
};

}  // namespace

class JsonReader::Parser {
 public:
  Parser(std::size_t max_depth, std::size_t max_string, JsonHandler& handler)
      : parser_(options(max_depth), max_depth, max_string, handler) {}

  boost::json::basic_parser<EventReader>& operator*() { return parser_; }

 private:
  static boost::json::parse_options options(std::size_t max_depth) {
    boost::json::parse_options options;
    options.max_depth = max_depth + 1;  // the reader refuses it before, and says why
    return options;
  }

  boost::json::basic_parser<EventReader> parser_;
};

JsonReader::JsonReader(std::size_t max_depth, std::size_t max_string, JsonHandler& handler)
    : parser_(std::make_unique<Parser>(max_depth, max_string, handler)) {}
JsonReader::~JsonReader() = default;

Result<> JsonReader::feed(std::string_view block) {
  if (at_ > 0) return take(true, block);
  // The parser would skip a byte order mark; RFC 8259 section 8.1 forbids to send one.
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  begun_.append(block);
  if (begun_.starts_with(kMark)) return fail(Errc::bad_request, "it begins with a byte order mark");
  if (kMark.starts_with(begun_)) return {};
  const auto begun = std::exchange(begun_, {});
  return take(true, begun);
}

Result<> JsonReader::finish() { return take(false, std::exchange(begun_, {})); }

Result<> JsonReader::take(bool more, std::string_view block) {
  // No text of the protocol has one; it gets a sentence of its own.
  if (block.find('\0') != std::string_view::npos) {
    return fail(Errc::bad_request, "it has a NUL in it");
  }
  ErrorCode error;
  auto& parser = **parser_;
  const auto read = parser.write_some(more, block.data(), block.size(), error);
  if (parser.handler().error()) return *parser.handler().error();
  const auto began = std::exchange(at_, at_ + block.size());
  if (!error && read == block.size()) return {};
  return fail(Errc::bad_request, "it is not valid JSON at byte " + std::to_string(began + read + 1));
}

Result<> read_json_object(std::string_view text, std::size_t max_depth, std::size_t max_string,
                          JsonHandler& handler) {
  JsonReader reader(max_depth, max_string, handler);
  const auto fed = reader.feed(text);
  return fed ? reader.finish() : fed;
}

Error malformed(std::string_view what, const Error& error, Errc code) {
  return fail(error.code() == Errc::bad_request ? code : error.code(),
              "malformed " + std::string{what} + ": " + error.message());
}

}  // namespace lsend::protocol
