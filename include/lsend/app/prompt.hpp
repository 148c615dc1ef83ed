#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lsend/app/events.hpp"

namespace lsend::app {

/// May this device send these files? Peer text is as the peer sent it.
struct AcceptQuestion {
  RequestEvent request;
  std::vector<FileInfo> files;  ///< those that may be accepted; none: a form, not named yet
  std::string folder;           ///< where they go
};

/// Which PIN does this device want? The answer is never shown.
struct PinQuestion {
  std::string device;
  bool again = false;  ///< the one before was wrong
};

/// May something be sent to this device, which is not known? A yes makes it known.
struct ContactQuestion {
  std::string device;
  std::string fingerprint;  ///< empty: it proved none
};

using Question = std::variant<AcceptQuestion, PinQuestion, ContactQuestion>;

struct Answer {
  enum class Choice : std::uint8_t {
    no,
    yes,
    always,  ///< yes, and this device is trusted from now on
    some,    ///< only `files`
    block,   ///< no, and never again from this device
  } choice = Choice::no;
  std::vector<std::size_t> files;  ///< indices into AcceptQuestion::files
  std::string text;                ///< the PIN
};

/// A person who can be asked. One question is open at a time, and nothing waits inside a call.
class Prompt {
 public:
  virtual ~Prompt() = default;
  /// Puts the question.
  virtual void ask(const Question& question) = 0;
  /// Looks, about ten times a second, whether it was answered; `left` is the time that is left.
  virtual std::optional<Answer> poll(Duration left) = 0;
  /// The question is closed without an answer: why, as a sentence for the person; empty when it is
  /// the person who left.
  virtual void withdraw(std::string_view why) = 0;
};

}  // namespace lsend::app
