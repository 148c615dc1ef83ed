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
  /// When a PIN may be looked at: at once, or, while 30 wrong ones came from wherever in the last
  /// ten minutes, one every 5 s of all that come, so that many connections together are no faster
  /// than one. Who gave none or is locked out does not wait. Errc::too_many_requests when sixteen
  /// networks wait, or this one does.
  Result<TimePoint> turn(std::optional<std::string_view> given, const PeerAddress& address,
                         TimePoint now);
  Result<> check(std::optional<std::string_view> given, const PeerAddress& address, TimePoint now);

 private:
  struct Tries {
    unsigned wrong = 0;
    unsigned lockouts = 0;
    TimePoint locked_until{};
    TimePoint last{};
  };
  std::optional<std::string> pin_;
  bool many_wrong(TimePoint now);
  struct Waiting {
    std::string network;
    TimePoint turn;
  };

  std::deque<TimePoint> wrong_;  ///< the last ones of all addresses
  std::deque<Waiting> waiting_;
  std::unordered_map<std::string, Tries> tries_;
};

}  // namespace lsend::transfer
