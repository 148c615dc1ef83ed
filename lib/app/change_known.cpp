#include "lib/app/change_known.hpp"

namespace lsend::app {

net::Task<Result<>> change_known_on(BlockingPool& pool, storage::Home home, ChangeKnown change) {
  auto work = [&] { return change_known(home, change, &pool.stopping()); };
  auto changed = co_await pool.run(std::move(work));
  co_return changed;
}

}  // namespace lsend::app
