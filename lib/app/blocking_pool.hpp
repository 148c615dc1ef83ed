#pragma once

#include <atomic>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <latch>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "lsend/model/result.hpp"
#include "lsend/net/asio.hpp"

namespace lsend::app {

/// A few threads for what would hold up everybody: waiting for the disk, reading whole files. The
/// only place where another thread than the io_context's works.
class BlockingPool {
 public:
  explicit BlockingPool(std::size_t threads = 2) : count_(threads) {}
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  ~BlockingPool() { finish(); }

  /// Jobs that look at stopping() end early; those that run are waited for, and whoever waits for
  /// one hears nothing any more. To be called before what jobs work on goes.
  void finish() {
    stopping_ = true;
    for (const auto& weak : raised_)
      if (const auto flag = weak.lock()) *flag = true;
    threads_.reset();
  }

  const std::atomic<bool>& stopping() const { return stopping_; }
  /// finish() raises this flag too, which a job may have other reasons to look at.
  void raise_at_end(const std::shared_ptr<std::atomic<bool>>& flag) {
    std::erase_if(raised_, [](const auto& weak) { return weak.expired(); });
    raised_.push_back(flag);
    if (stopping_) *flag = true;
  }

  /// Runs `work` on one of the threads; nobody waits for it. It may be dropped at the end.
  template <class Work>
  void post(Work work) {
    if (!stopping_ && !threads_ && can_start(count_)) threads_.emplace(count_);
    if (stopping_ || !threads_) return work();
    net::asio::post(*threads_, std::move(work));
  }

  /// Runs `work`, which gives a Result, on one of the threads. It may refer to what the caller's
  /// frame owns: the caller is not cancelled while it waits.
  template <class Work>
  net::Task<std::invoke_result_t<Work&>> run(Work work) {
    using Value = std::invoke_result_t<Work&>;
    const auto executor = co_await net::asio::this_coro::executor;
    // Threads for who needs them. Without any, everybody waits.
    if (!threads_ && can_start(count_)) threads_.emplace(count_);
    if (!threads_) co_return guarded<Value>(work);
    auto initiate = [this, executor](auto handler, Work job) {
      auto guard = net::asio::make_work_guard(executor);
      net::asio::post(*threads_, [guard = std::move(guard), handler = std::move(handler),
                                  job = std::move(job)]() mutable {
        Value value = guarded<Value>(job);
        net::asio::post(guard.get_executor(),
                        [handler = std::move(handler), value = std::move(value)]() mutable {
                          handler(std::move(value));
                        });
      });
    };
    auto operation =
        net::asio::async_initiate<const net::asio::use_awaitable_t<net::Executor>, void(Value)>(
            std::move(initiate), net::use_task, std::move(work));
    Value value = co_await std::move(operation);
    co_return value;
  }

 private:
  /// A pool that gets some of its threads only would wait for them for ever.
  static bool can_start(std::size_t count) {
    std::latch asked(1);
    std::vector<std::jthread> threads;
    bool all = true;
    try {
      for (std::size_t i = 0; i < count; ++i) threads.emplace_back([&asked] { asked.wait(); });
    } catch (const std::system_error&) {
      all = false;
    }
    asked.count_down();
    return all;
  }

  template <class Value, class Work>
  static Value guarded(Work& work) {
    try {
      return work();
    } catch (const std::exception& failure) {
      return fail(Errc::failed, failure.what());
    }
  }

  std::size_t count_;
  std::atomic<bool> stopping_ = false;
  std::vector<std::weak_ptr<std::atomic<bool>>> raised_;
  std::optional<net::asio::thread_pool> threads_;
};

}  // namespace lsend::app
