#pragma once

#include "lib/app/blocking_pool.hpp"
#include "lsend/app/known_store.hpp"

namespace lsend::app {

/// change_known() for who must not stand still while another process holds the lock: on a thread of
/// the pool, whose end also ends the wait. `change` runs there too.
net::Task<Result<>> change_known_on(BlockingPool& pool, storage::Home home, ChangeKnown change);

}  // namespace lsend::app
