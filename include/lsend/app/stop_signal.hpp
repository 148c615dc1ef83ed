#pragma once

#include <optional>

#include "lsend/model/result.hpp"
#include "lsend/model/time.hpp"

namespace lsend::app {

/// This process was told to stop, which holds for the whole of it.
struct StopSignal {
  Errc reason;      ///< Errc::interrupted and its kin
  TimePoint until;  ///< cli.md: it is gone by then
};

/// What the first signal said; a second one brings the end near.
std::optional<StopSignal> stop_signal();

/// Was `number` ignored when this process began (nohup)? Then it stays so. Asked first by main(),
/// before anybody changes what signals do.
bool ignored_at_start(int number);

}  // namespace lsend::app
