#pragma once

#include "lsend/app/stop_signal.hpp"

namespace lsend::app {

/// `told` hears of the first signal, and of each later one, as soon as it is read.
void at_stop(void (*told)(const StopSignal& stop));

}  // namespace lsend::app
