#pragma once

#include <functional>

#include "cmd/raw_options.hpp"

namespace lsend::cmd {

/// Where a command puts down its options. Values stay text: CLI11 lets sizes overflow and negatives
/// pass. `names` is "-x,--long", `type` what stands for the value in the help, and the description
/// ends with the default in brackets.
class Declarer {
 public:
  virtual ~Declarer() = default;
  /// One value; the last one given counts.
  virtual void value(const char* names, Text& target, const char* type,
                     const char* description) = 0;
  /// May be given several times.
  virtual void values(const char* names, Texts& target, const char* type,
                      const char* description) = 0;
  virtual void flag(const char* names, bool& target, const char* description) = 0;
  /// A flag that also takes '=VALUE': a real optional value would swallow the next word.
  virtual void flag_or_value(const char* names, Text& target, const char* type,
                             const char* description) = 0;
  /// May be given several times, and its place among other options of this kind counts: each one is
  /// handed over as it comes. Only a flag gives it.
  virtual void each(const char* names, std::function<void(const std::string&)> take,
                    const char* type, const char* description) = 0;
  /// A flag that counts.
  virtual void counter(const char* names, unsigned& target, const char* description) = 0;
};

}  // namespace lsend::cmd
