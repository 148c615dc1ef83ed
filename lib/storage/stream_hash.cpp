#include "lsend/storage/stream_hash.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace lsend::storage {
namespace {

constexpr std::size_t kBlock = 256 * 1024;
constexpr std::size_t kBlocks = 4;
/// Below this the thread takes longer to start than it saves.
constexpr std::uint64_t kWorthIt = 8 * 1024 * 1024;
constexpr unsigned kCores = 4;

std::atomic<unsigned> hashing{0};

}  // namespace

/// A ring of blocks between the thread that fills them and the one that hashes.
class StreamHash::Worker {
 public:
  Worker() : thread_([this] { run(); }) { ++hashing; }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    end();
    --hashing;
  }

  void put(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      auto& block = wait_for_room();
      const auto part = bytes.first(std::min(bytes.size(), kBlock));
      block.assign(part.begin(), part.end());
      {
        const std::lock_guard guard(lock_);
        ++filled_;
      }
      changed_.notify_all();
      bytes = bytes.subspan(part.size());
    }
  }

  /// Everything has been hashed when this returns.
  Sha256& drain() {
    std::unique_lock guard(lock_);
    changed_.wait(guard, [this] { return hashed_ == filled_; });
    if (failure_) std::rethrow_exception(failure_);
    return digest_;
  }

 private:
  std::vector<std::byte>& wait_for_room() {
    std::unique_lock guard(lock_);
    changed_.wait(guard, [this] { return filled_ - hashed_ < kBlocks; });
    return ring_[filled_ % kBlocks];
  }

  void run() {
    while (true) {
      std::unique_lock guard(lock_);
      changed_.wait(guard, [this] { return hashed_ < filled_ || ended_; });
      if (hashed_ == filled_) return;
      const auto& block = ring_[hashed_ % kBlocks];
      guard.unlock();
      try {
        if (!failure_) digest_.update(block);
      } catch (...) {
        failure_ = std::current_exception();
      }
      guard.lock();
      ++hashed_;
      guard.unlock();
      changed_.notify_all();
    }
  }

  void end() {
    {
      const std::lock_guard guard(lock_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  Sha256 digest_;
  std::mutex lock_;
  std::condition_variable changed_;
  std::array<std::vector<std::byte>, kBlocks> ring_;
  std::size_t filled_ = 0;
  std::size_t hashed_ = 0;
  bool ended_ = false;
  std::exception_ptr failure_;  ///< the thread's until drain() has waited for it
  std::thread thread_;          ///< last: everything else is there when it starts
};

bool StreamHash::pays(std::uint64_t bytes) {
  if (bytes < kWorthIt) return false;
  // Asking opens files of /sys and /proc, for each file that comes a noticeable time.
  static const unsigned cores = std::thread::hardware_concurrency();
  return cores >= kCores && hashing < cores / 2;
}

StreamHash::StreamHash(bool own_thread) {
  if (!own_thread) return;
  try {
    worker_ = std::make_unique<Worker>();
  } catch (const std::system_error&) {
    // No thread to be had: then in this one.
    worker_ = nullptr;
  }
}

StreamHash::StreamHash(StreamHash&&) noexcept = default;
StreamHash& StreamHash::operator=(StreamHash&&) noexcept = default;
StreamHash::~StreamHash() = default;

void StreamHash::update(std::span<const std::byte> bytes) {
  if (worker_)
    worker_->put(bytes);
  else
    here_.update(bytes);
}

std::string StreamHash::finish_hex() {
  if (!worker_) return here_.finish_hex();
  auto hex = worker_->drain().finish_hex();
  worker_.reset();
  return hex;
}

std::string StreamHash::hex_so_far() const {
  return worker_ ? worker_->drain().hex_so_far() : here_.hex_so_far();
}

}  // namespace lsend::storage
