#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "lib/app/blocking_pool.hpp"
#include "lsend/net/event.hpp"
#include "lsend/net/http_server.hpp"
#include "lsend/net/task_group.hpp"
#include "lsend/transfer/upload_slot.hpp"

namespace lsend::app {

/// Work on the pool that may take long, for a request that has been read and waits for its answer:
/// it is told to stop when the session has ended, the sender has gone, its time is up or the pool
/// ends. Meanwhile the session does not expire.
class WatchedWork {
 public:
  WatchedWork(net::Exchange& exchange, transfer::UploadSlot::SessionPtr session,
              TimePoint limit = TimePoint::max())
      : exchange_(exchange), session_(std::move(session)), limit_(limit) {}
  WatchedWork(const WatchedWork&) = delete;
  WatchedWork& operator=(const WatchedWork&) = delete;

  /// What the work looks at, on its thread.
  const std::atomic<bool>& stop() const { return *stop_; }
  /// The sender went away meanwhile.
  bool sender_gone() const { return gone_; }

  /// Once.
  template <class Work>
  net::Task<std::invoke_result_t<Work&>> run(BlockingPool& pool, Work work) {
    using Value = std::invoke_result_t<Work&>;
    const auto executor = co_await net::asio::this_coro::executor;
    over_.emplace(executor);
    pool.raise_at_end(stop_);
    auto job = [&](net::TaskGroup& watchers) { return watched(watchers, pool, work); };
    Value value = co_await net::with_children(std::move(job));
    co_return value;
  }

 private:
  template <class Work>
  net::Task<std::invoke_result_t<Work&>> watched(net::TaskGroup& watchers, BlockingPool& pool,
                                                 Work& work) {
    using Value = std::invoke_result_t<Work&>;
    watchers.spawn(watch_session());
    watchers.spawn(watch_sender());
    Value value = co_await pool.run(std::move(work));
    done_ = true;
    over_->set();
    exchange_.wake();
    co_return value;
  }
  net::Task<> watch_session();
  net::Task<> watch_sender();

  net::Exchange& exchange_;
  transfer::UploadSlot::SessionPtr session_;
  TimePoint limit_;
  std::shared_ptr<std::atomic<bool>> stop_ = std::make_shared<std::atomic<bool>>(false);
  std::optional<net::Event> over_;
  bool done_ = false;
  bool gone_ = false;
};

}  // namespace lsend::app
