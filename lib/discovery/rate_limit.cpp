#include "lsend/discovery/rate_limit.hpp"

#include <algorithm>

#include "lsend/model/network.hpp"

namespace lsend::discovery {
namespace {

constexpr double kPerSource = 1;
constexpr double kSourceBurst = 4;
constexpr double kRegisters = 20;
constexpr Duration kForgetEvery = std::chrono::seconds(1);

}  // namespace

double TokenBucket::tokens_at(TimePoint now) const {
  const double seconds = std::chrono::duration<double>(now - last_).count();
  return seconds > 0 ? std::min(burst_, tokens_ + seconds * rate_) : tokens_;
}

bool TokenBucket::full(TimePoint now) const { return tokens_at(now) >= burst_; }

bool TokenBucket::take(TimePoint now) {
  tokens_ = tokens_at(now);
  last_ = std::max(last_, now);
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

bool AnswerLimiter::allow(const PeerAddress& source, TimePoint now) {
  std::erase_if(sources_, [now](const auto& entry) { return entry.second.full(now); });
  const auto known = sources_.find(source);
  if (known == sources_.end()) {
    if (!all_.take(now)) return false;
    return sources_.try_emplace(source, kPerSource, kSourceBurst, now).first->second.take(now);
  }
  // A source that has to wait takes nothing from the others.
  auto attempt = known->second;
  if (!attempt.take(now) || !all_.take(now)) return false;
  known->second = attempt;
  return true;
}

bool RegisterLimiter::allow(const PeerAddress& source, TimePoint now) {
  // A bucket is full again after a second: what is kept is what a second can bring.
  if (now - cleared_ >= kForgetEvery) {
    std::erase_if(networks_, [now](const auto& entry) { return entry.second.full(now); });
    cleared_ = now;
  }
  return networks_.try_emplace(counted_network(source), kRegisters, kRegisters, now)
      .first->second.take(now);
}

}  // namespace lsend::discovery
