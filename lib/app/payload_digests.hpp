#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/app/blocking_pool.hpp"
#include "lib/app/interrupt.hpp"
#include "lib/app/payload.hpp"

namespace lsend::app {

/// Empty for a file that could not be read.
using Digests = std::vector<std::string>;

/// A payload and the digests of its files, which are computed for all targets at once when the
/// first of them has a use for them.
class PayloadDigests {
 public:
  PayloadDigests(const Payload& payload, Interrupt& interrupt);
  PayloadDigests(const PayloadDigests&) = delete;
  PayloadDigests& operator=(const PayloadDigests&) = delete;

  const Payload& payload() const { return payload_; }
  /// Of payload().files, at the same indices; lives as long as this. On threads of its own: signals
  /// and other targets do not wait. The interrupt's error.
  net::Task<Result<const Digests*>> compute();

 private:
  Result<const Digests*> compute_once();

  const Payload& payload_;
  Interrupt& interrupt_;
  std::atomic<bool> stop_ = false;
  Interrupt::Subscription on_stop_;
  std::mutex lock_;  ///< held by whoever computes
  std::optional<Digests> computed_;
  BlockingPool pool_{1};  ///< last: it works on the others
};

}  // namespace lsend::app
