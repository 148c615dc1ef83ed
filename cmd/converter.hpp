#pragma once

#include <optional>
#include <string>
#include <utility>

#include "cmd/raw_options.hpp"
#include "cmd/sources.hpp"
#include "cmd/values.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {

/// What was given for an option, and by which name an error speaks of it.
struct Given {
  std::string name;
  std::string text;
  unsigned rank = 0;  ///< 0 = a flag; the lower one wins
};

/// Chooses between flag, environment and configuration, and understands the text. Keeps the first
/// error, so that the options can be read one after another without asking.
class Converter {
 public:
  explicit Converter(const Sources& sources) : sources_(sources) {}

  /// Whose options are read now: "" (the shared ones), "send" or "receive" have variables and keys.
  void section(std::string name) { section_ = std::move(name); }

  const std::optional<Error>& error() const { return error_; }
  void reject(std::string message) {
    if (!error_) error_ = fail(Errc::usage, std::move(message));
  }

  std::optional<Given> given(const char* option, const Text& flag) const;
  /// For an option of one value and its flag: true, and false where it is off or missing.
  bool flag(const char* option, bool flag);
  Texts list(const char* option, const Texts& flags) const;
  /// Of two that exclude one another the one that counts: true for the first, nothing for none.
  std::optional<bool> either(const char* yes, bool yes_flag, const char* no, bool no_flag);
  /// The same for two with values: the one that counts stays.
  void only_one(std::optional<Given>& one, std::optional<Given>& other);
  /// Where a PIN came from: everyone on this host can read a command line.
  enum class PinFrom { nowhere, command_line, setting, file };
  /// The PIN of --pin, or of the file of --pin-file.
  PinFrom pin(const Text& pin_flag, const Text& file_flag, std::optional<std::string>& target);
  unsigned count(const char* option, unsigned flags);
  std::map<std::string, Texts> groups() const { return sources_.groups(); }

  void duration(const std::optional<Given>& given, Duration& target, Duration least = Duration(1)) {
    if (given) take(parse_duration(given->name, given->text, least), target);
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
  /// Of this host.
  template <class Path>
  void path(const std::optional<Given>& given, Path& target) {
    if (given) take(parse_path(given->name, given->text), target);
  }
  /// Of names at the receiver.
  template <class String>
  void remote_path(const std::optional<Given>& given, String& target) {
    if (given) take(parse_remote_path(given->name, given->text), target);
  }
  /// One of a few words; `words` pairs them with what they mean.
  template <class Value, std::size_t N>
  void word(const std::optional<Given>& given, Value& target,
            const std::pair<const char*, Value> (&words)[N]) {
    if (!given) return;
    std::string known;
    for (std::size_t i = 0; i < N; ++i) {
      if (given->text == words[i].first) {
        target = words[i].second;
        return;
      }
      known += (i == 0 ? "" : i + 1 == N ? " or " : ", ") + std::string(words[i].first);
    }
    reject(given->name + ": write " + known);
  }

 private:
  struct Switch {
    bool on = false;
    unsigned rank = 0;
    std::string name;
  };
  Switch find_switch(const char* option, bool flag);

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

  const Sources& sources_;
  std::string section_;
  std::optional<Error> error_;
};

}  // namespace lsend::cmd
