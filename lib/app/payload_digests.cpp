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
  if (!computed_) {
    auto hashed = hash_all(payload_, &stop_);
    if (!hashed) return hashed.error();
    // A file that cannot be read now fails when its turn to be sent comes.
    auto& digests = computed_.emplace();
    for (auto& digest : *hashed)
      digests.push_back(digest ? std::move(*digest) : std::string());
  }
  return &*computed_;
}

}  // namespace lsend::app
