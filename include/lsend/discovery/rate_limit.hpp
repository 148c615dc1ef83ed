#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "lsend/model/ids.hpp"
#include "lsend/model/time.hpp"

namespace lsend::discovery {

/// So many events a second, and at most `burst` at once.
class TokenBucket {
 public:
  TokenBucket(double per_second, double burst, TimePoint now)
      : rate_(per_second), burst_(burst), tokens_(burst), last_(now) {}
  bool take(TimePoint now);
  /// Has it saved up its whole burst again?
  bool full(TimePoint now) const;

 private:
  double tokens_at(TimePoint now) const;

  double rate_;
  double burst_;
  double tokens_;
  TimePoint last_;
};

/// Answers to announcements: at most 10 a second in all; for a source four at once, then one a
/// second. Fewer would be unkind: two commands run one after the other on one host announce three
/// times each within seconds and want an answer each. Memory is bounded by the rate in all.
class AnswerLimiter {
 public:
  explicit AnswerLimiter(TimePoint now) : all_(10, 10, now) {}
  bool allow(const PeerAddress& source, TimePoint now);

 private:
  TokenBucket all_;
  std::unordered_map<PeerAddress, TokenBucket> sources_;
};

/// Devices that register: 20 a second from each IPv4 address or IPv6 /64 (reliability.md 4.1).
/// Others are not affected, so that a whole network may answer one announcement.
class RegisterLimiter {
 public:
  bool allow(const PeerAddress& source, TimePoint now);

 private:
  std::unordered_map<std::string, TokenBucket> networks_;
  TimePoint cleared_{};
};

}  // namespace lsend::discovery
