#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lsend/model/ids.hpp"
#include "lsend/model/result.hpp"
#include "lsend/model/time.hpp"

namespace lsend::transfer {

/// Counts wrong PINs per IPv4 address or IPv6 /64 (reliability.md 4.1): three wrong tries, then
/// Errc::pin_locked for 60 s, doubling to an hour, even for the right PIN. A missing PIN is
/// Errc::pin_required and does not count; the right one clears the count.
class PinGuard {
 public:
  PinGuard() = default;  ///< no PIN: everything passes
  explicit PinGuard(std::string pin) : pin_(std::move(pin)) {}

  /// Another PIN, or none; who is locked out stays so.
  void change(std::optional<std::string> pin) { pin_ = std::move(pin); }
  bool enabled() const { return pin_.has_value(); }
  /// How long every check has to wait: 5 s while 30 wrong PINs came, from wherever, in the last ten
  /// minutes. Many addresses together are no faster than that.
  Duration delay(TimePoint now);
  Result<> check(std::optional<std::string_view> given, const PeerAddress& address, TimePoint now);

 private:
  struct Tries {
    unsigned wrong = 0;
    unsigned lockouts = 0;
    TimePoint locked_until{};
    TimePoint last{};
  };
  std::optional<std::string> pin_;
  std::deque<TimePoint> wrong_;  ///< the last ones of all addresses
  std::unordered_map<std::string, Tries> tries_;
};

}  // namespace lsend::transfer
