#pragma once

#include <random>

namespace lsend::app {

/// From 0 to 1, for the jitter of pauses.
inline double chance() {
  static std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(generator);
}

}  // namespace lsend::app
