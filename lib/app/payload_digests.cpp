#include "lib/app/payload_digests.hpp"

namespace lsend::app {

PayloadDigests::PayloadDigests(const Payload& payload, Interrupt& interrupt)
    : payload_(payload), interrupt_(interrupt), on_stop_(interrupt, [this] { stop_ = true; }) {}

net::Task<Result<const Digests*>> PayloadDigests::compute() {
  auto work = [this] { return compute_once(); };
  auto digests = co_await pool_.run(std::move(work));
  if (interrupt_.requested()) co_return interrupt_.error();
  co_return digests;
}

/// On a thread of the pool.
Result<const Digests*> PayloadDigests::compute_once() {
  const std::lock_guard guard(lock_);
  if (!computed_) computed_.emplace(hash_all(payload_, &stop_));
  if (!*computed_) return computed_->error();
  return &**computed_;
}

}  // namespace lsend::app
