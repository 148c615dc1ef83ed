#pragma once

#include <optional>
#include <string>
#include <utility>

#include "cmd/raw_options.hpp"
#include "cmd/values.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {

/// What was given for an option, and by which name an error speaks of it.
struct Given {
  std::string name;
  std::string text;
};

/// Keeps the first error, so that the options can be read one after another without asking.
class Converter {
 public:
  explicit Converter(const Environment& environment) : environment_(environment) {}

  const std::optional<Error>& error() const { return error_; }
  void reject(std::string message) {
    if (!error_) error_ = fail(Errc::usage, std::move(message));
  }

  std::optional<Given> given(const char* option, const Text& flag,
                             const char* variable = nullptr) const {
    if (flag) return Given{option, *flag};
    const auto value = variable ? environment_(variable) : std::nullopt;
    if (value) return Given{variable, *value};
    return std::nullopt;
  }

  void duration(const std::optional<Given>& given, Duration& target) {
    if (given) take(parse_duration(given->name, given->text), target);
  }
  template <class Size>
  void size(const std::optional<Given>& given, Size& target) {
    if (given) take(parse_size(given->name, given->text), target);
  }
  template <class Number>
  void number(const std::optional<Given>& given, Number& target, std::uint64_t least,
              std::uint64_t most) {
    if (!given) return;
    const auto value = parse_number(given->name, given->text, least, most);
    if (!value) return take_error(value.error());
    target = static_cast<Number>(*value);
  }
  /// Text that goes to peers: JSON carries UTF-8 only.
  template <class String>
  void text(const std::optional<Given>& given, String& target) {
    if (!given) return;
    if (given->text.empty()) return reject(given->name + ": a text is missing");
    if (!is_utf8(given->text)) return reject(given->name + ": the text is not UTF-8");
    target = given->text;
  }
  template <class Path>
  void path(const std::optional<Given>& given, Path& target) {
    if (given && given->text.empty()) return reject(given->name + ": a path is missing");
    if (given) target = given->text;
  }
  bool flag(bool given, const char* variable) {
    if (given) return true;
    const auto value = environment_(variable);
    if (!value || *value == "0" || *value == "false" || *value == "no") return false;
    if (*value == "1" || *value == "true" || *value == "yes") return true;
    reject(std::string(variable) + ": '" + escape_for_terminal(*value, 64) +
           "' is neither 1 nor 0");
    return false;
  }
  Texts list(const Texts& flags, const char* variable) const {
    if (!flags.empty()) return flags;
    Texts parts;
    std::string rest = environment_(variable).value_or("");
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      if (comma != 0) parts.push_back(rest.substr(0, comma));
      rest.erase(0, comma == std::string::npos ? comma : comma + 1);
    }
    return parts;
  }

 private:
  template <class Value, class Target>
  void take(const Result<Value>& value, Target& target) {
    if (value)
      target = *value;
    else
      take_error(value.error());
  }
  void take_error(const Error& error) {
    if (!error_) error_ = error;
  }

  const Environment& environment_;
  std::optional<Error> error_;
};

}  // namespace lsend::cmd
