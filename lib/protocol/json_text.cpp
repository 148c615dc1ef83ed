#include "json_text.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace lsend::protocol {
namespace {

using Json = nlohmann::json;
using Kind = JsonValue::Kind;

/// Turns the parser's events into paths and values and keeps the limits.
class SaxAdapter : public nlohmann::json_sax<Json> {
 public:
  SaxAdapter(std::size_t max_depth, std::size_t max_string, JsonHandler& handler)
      : max_depth_(max_depth), max_string_(max_string), handler_(handler) {}

  const Error& error() const { return error_; }

  bool null() override { return value({}); }
  bool boolean(bool value_read) override { return value({Kind::boolean, value_read}); }
  bool number_integer(number_integer_t) override { return value({Kind::other_number}); }
  bool number_unsigned(number_unsigned_t number) override {
    return value({Kind::unsigned_integer, false, number});
  }
  bool number_float(number_float_t, const string_t&) override {
    return value({Kind::other_number});
  }
  bool binary(binary_t&) override { return refuse("it is not JSON"); }

  bool string(string_t& text) override {
    if (text.size() > max_string_ &&
        (!listening() || text.size() > handler_.string_limit(path_, max_string_))) {
      return too_long();
    }
    return value({Kind::string, false, 0, &text});
  }

  bool key(string_t& name) override {
    if (name.size() > max_string_) return too_long();
    if (arrays_ == 0) path_.back() = std::move(name);
    return true;
  }

  bool start_object(std::size_t) override {
    if (!open(Kind::object)) return false;
    if (arrays_ == 0) path_.emplace_back();
    return true;
  }

  bool end_object() override {
    --depth_;
    if (arrays_ > 0) return true;
    path_.pop_back();
    return path_.empty() || keep(handler_.on_object_end(path_));
  }

  bool start_array(std::size_t) override {
    if (!open(Kind::array)) return false;
    ++arrays_;
    return true;
  }

  bool end_array() override {
    --depth_;
    --arrays_;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return refuse("it is not valid JSON at byte " + std::to_string(position));
  }

 private:
  bool listening() const { return arrays_ == 0 && !path_.empty(); }

  bool open(Kind kind) {
    if (depth_ >= max_depth_) {
      return refuse("it is nested deeper than " + std::to_string(max_depth_) + " levels");
    }
    if (depth_ == 0 && kind == Kind::object) {
      ++depth_;
      return true;
    }
    if (!value({kind})) return false;
    ++depth_;
    return true;
  }

  bool value(JsonValue read) {
    if (depth_ == 0) return refuse("it is not a JSON object");
    return !listening() || keep(handler_.on_value(path_, read));
  }

  bool too_long() {
    return refuse("a text in it is longer than " + std::to_string(max_string_) + " bytes");
  }

  bool refuse(std::string clause) {
    error_ = fail(Errc::bad_request, std::move(clause));
    return false;
  }

  bool keep(const Result<>& result) {
    if (result.has_error()) error_ = result.error();
    return result.has_value();
  }

  std::size_t max_depth_;
  std::size_t max_string_;
  JsonHandler& handler_;
  JsonPath path_;
  std::size_t depth_ = 0;
  std::size_t arrays_ = 0;
  Error error_;
};

/// Printable ASCII without anything to escape, as nearly every name, id and digest is.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

void append_quoted(std::string& out, std::string_view text) {
  if (!is_plain(text)) {
    out += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

}  // namespace

Result<> read_json_object(std::string_view text, std::size_t max_depth, std::size_t max_string,
                          JsonHandler& handler) {
  // The parser would skip it; RFC 8259 section 8.1 forbids to send one.
  if (text.starts_with("\xEF\xBB\xBF")) {
    return fail(Errc::bad_request, "it begins with a byte order mark");
  }
  // The parser would take it for the end of the text and not look behind it.
  if (text.find('\0') != std::string_view::npos) {
    return fail(Errc::bad_request, "it has a NUL in it");
  }
  SaxAdapter adapter{max_depth, max_string, handler};
  if (!Json::sax_parse(text.begin(), text.end(), &adapter)) return adapter.error();
  return {};
}

Error malformed(std::string_view what, const Error& error, Errc code) {
  return fail(error.code() == Errc::bad_request ? code : error.code(),
              "malformed " + std::string{what} + ": " + error.message());
}

JsonObject& JsonObject::text(std::string_view member, std::string_view value) {
  name(member);
  append_quoted(out_, value);
  return *this;
}

JsonObject& JsonObject::number(std::string_view member, std::uint64_t value) {
  name(member);
  out_ += std::to_string(value);
  return *this;
}

JsonObject& JsonObject::flag(std::string_view member, bool value) {
  name(member);
  out_ += value ? "true" : "false";
  return *this;
}

JsonObject& JsonObject::object(std::string_view member, const JsonObject& value) {
  name(member);
  out_ += value.out_;
  out_ += '}';
  return *this;
}

JsonObject& JsonObject::begin(std::string_view member) {
  name(member);
  out_ += '{';
  return *this;
}

JsonObject& JsonObject::end() {
  out_ += '}';
  return *this;
}

void JsonObject::name(std::string_view name) {
  // A value never ends in '{': this object is still empty.
  if (out_.back() != '{') out_ += ',';
  append_quoted(out_, name);
  out_ += ':';
}

}  // namespace lsend::protocol
