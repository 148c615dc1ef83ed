#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "lsend/model/ids.hpp"
#include "lsend/model/time.hpp"

namespace lsend::discovery {

/// So many events a second, in bursts of at most one second's worth.
class TokenBucket {
 public:
  TokenBucket(double per_second, TimePoint now)
      : rate_(per_second), tokens_(per_second), last_(now) {}
  bool take(TimePoint now);

 private:
  double rate_;
  double tokens_;
  TimePoint last_;
};

/// Answers to announcements: at most 10 a second in all and one a source and five seconds
/// (reliability.md 4.1, S49). Memory is bounded by forgetting sources after their five seconds.
class AnswerLimiter {
 public:
  explicit AnswerLimiter(TimePoint now) : all_(10, now) {}
  bool allow(const PeerAddress& source, TimePoint now);

 private:
  TokenBucket all_;
  std::unordered_map<PeerAddress, TimePoint> last_;
};

}  // namespace lsend::discovery
