#include "lsend/transfer/pin_guard.hpp"

#include <algorithm>
#include <tuple>

#include "lsend/model/network.hpp"

namespace lsend::transfer {
namespace {

constexpr unsigned kWrongTries = 3;
constexpr std::chrono::seconds kFirstLockout{60};
constexpr std::chrono::seconds kLongestLockout{3600};
constexpr std::size_t kWrongOfAll = 30;
constexpr std::chrono::minutes kRemembered{10};
constexpr Duration kDelay = std::chrono::seconds(5);
constexpr std::size_t kMostWaiting = 16;
constexpr std::size_t kMaxAddresses = 10'000;

Duration lockout_time(unsigned lockouts_before) {
  const unsigned doublings = std::min(lockouts_before, 6U);
  return std::min(kLongestLockout, kFirstLockout * (1U << doublings));
}

}  // namespace

bool PinGuard::many_wrong(TimePoint now) {
  while (!wrong_.empty() && now - wrong_.front() > kRemembered) wrong_.pop_front();
  return wrong_.size() >= kWrongOfAll;
}

Result<TimePoint> PinGuard::turn(std::optional<std::string_view> given, const PeerAddress& address,
                                 TimePoint now) {
  while (!waiting_.empty() && waiting_.front().turn <= now) waiting_.pop_front();
  if (!pin_ || !given || given->empty() || !many_wrong(now)) return now;
  auto network = counted_network(address);
  const auto entry = tries_.find(network);
  if (entry != tries_.end() && now < entry->second.locked_until) return now;
  const bool waits = std::any_of(waiting_.begin(), waiting_.end(),
                                 [&](const Waiting& other) { return other.network == network; });
  if (waits || waiting_.size() >= kMostWaiting) {
    return fail(
        Errc::too_many_requests,
        "many wrong PINs came: " + (waits ? network + " waits" : std::string("others wait")) +
            " already for one to be looked at");
  }
  const auto turn = (waiting_.empty() ? now : waiting_.back().turn) + kDelay;
  waiting_.push_back(Waiting{std::move(network), turn});
  return turn;
}

Result<> PinGuard::check(std::optional<std::string_view> given, const PeerAddress& address,
                         TimePoint now) {
  if (!pin_) return {};
  const std::string network = counted_network(address);
  auto entry = tries_.find(network);
  if (entry != tries_.end() && now < entry->second.locked_until) {
    entry->second.last = now;
    return fail(Errc::pin_locked, "too many wrong PINs from " + network +
                                      ": locked, also for the right PIN, until the wait is over");
  }
  if (!given || given->empty()) {
    return fail(Errc::pin_required, "a PIN is needed and " + address.str() + " gave none");
  }
  if (equal_constant_time(*given, *pin_)) {
    if (entry != tries_.end()) tries_.erase(entry);
    return {};
  }

  if (entry == tries_.end()) {
    if (tries_.size() >= kMaxAddresses) {
      // Locked ones go last: a flood of addresses must not open a lock.
      const auto order = [now](const auto& item) {
        return std::tuple(now < item.second.locked_until, item.second.last);
      };
      tries_.erase(
          std::min_element(tries_.begin(), tries_.end(),
                           [&order](const auto& a, const auto& b) { return order(a) < order(b); }));
    }
    entry = tries_.emplace(network, Tries{}).first;
  }
  wrong_.push_back(now);
  if (wrong_.size() > kWrongOfAll) wrong_.pop_front();
  Tries& tries = entry->second;
  tries.last = now;
  if (++tries.wrong >= kWrongTries) {
    tries.wrong = 0;
    tries.locked_until = now + lockout_time(tries.lockouts++);
  }
  return fail(Errc::pin_wrong, "the PIN from " + address.str() + " is wrong");
}

}  // namespace lsend::transfer
