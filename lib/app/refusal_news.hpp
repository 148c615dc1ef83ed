#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "lsend/model/time.hpp"

namespace lsend::app {

/// How many refusals are worth an event: nobody shall choose how much is written (reliability.md
/// 4.1, log). Each network has twenty in ten seconds, all together two hundred.
class RefusalNews {
 public:
  struct News {
    bool tell = false;
    std::uint64_t untold = 0;  ///< of the ten seconds before, told once
  };

  News take(const std::string& network, TimePoint now) {
    News news;
    if (now >= ends_) {
      news.untold = untold_;
      untold_ = told_ = 0;
      of_network_.clear();
      ends_ = now + kWindow;
    }
    news.tell = told_ < kMostInAll && ++of_network_[network] <= kMostOfOne;
    news.tell ? ++told_ : ++untold_;
    return news;
  }

 private:
  static constexpr Duration kWindow = std::chrono::seconds(10);
  static constexpr std::uint64_t kMostOfOne = 20;
  static constexpr std::uint64_t kMostInAll = 200;

  TimePoint ends_{};
  std::uint64_t told_ = 0;
  std::uint64_t untold_ = 0;
  std::unordered_map<std::string, std::uint64_t> of_network_;  ///< at most kMostInAll entries
};

}  // namespace lsend::app
