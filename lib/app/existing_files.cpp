#include "lib/app/existing_files.hpp"

#include <atomic>
#include <memory>
#include <unordered_set>

#include "lsend/net/task_group.hpp"
#include "lsend/storage/safe_path.hpp"

namespace lsend::app {

namespace {

using SessionPtr = transfer::UploadSlot::SessionPtr;
using storage::Conflict;
constexpr Duration kLookEvery = std::chrono::milliseconds(200);

/// On a thread of the pool: the files' descriptions do not change while a session waits.
class Search {
 public:
  Search(const storage::Inbox& inbox, Conflict conflict, SessionPtr session,
         std::vector<std::size_t> accepted, std::shared_ptr<std::atomic<bool>> stop)
      : inbox_(inbox),
        conflict_(conflict),
        session_(std::move(session)),
        accepted_(std::move(accepted)),
        stop_(std::move(stop)) {}

  Result<Wanted> operator()() {
    Wanted wanted;
    for (const auto index : accepted_) {
      auto left = look_at(index);
      if (!left) return left.error();
      if (*left)
        wanted.left_out.push_back(std::move(**left));
      else
        wanted.files.push_back(index);
    }
    return wanted;
  }

 private:
  using Left = Wanted::Left;

  Result<std::optional<Left>> look_at(std::size_t index) {
    const auto& info = session_->files()[index].info;
    auto name = storage::clean_file_name(info.file_name);
    if (!name) return name.error();
    if (conflict_ == Conflict::skip) {
      if (!info.sha256) return std::optional<Left>();
      auto path = inbox_.find_equal(std::move(*name), info.size, *info.sha256, *stop_);
      if (!path) return std::optional<Left>();
      return std::optional<Left>(Left{index, std::move(*path)});
    }
    const bool again = !seen_.insert(storage::join_components(*name)).second;
    if (again) return std::optional<Left>(Left{index, ""});
    if (conflict_ == Conflict::overwrite) return std::optional<Left>();
    const auto taken = inbox_.is_taken(std::move(*name));
    if (!taken) return taken.error();
    return *taken ? std::optional<Left>(Left{index, ""}) : std::nullopt;
  }

  const storage::Inbox& inbox_;
  Conflict conflict_;
  SessionPtr session_;
  std::vector<std::size_t> accepted_;
  std::shared_ptr<std::atomic<bool>> stop_;
  std::unordered_set<std::string> seen_;
};

/// Reading large files takes its time, and ends with the session.
Task<> keep_waiting(SessionPtr session, std::shared_ptr<std::atomic<bool>> stop) {
  while (session->running()) {
    session->touch(Clock::now());
    co_await net::sleep_for(kLookEvery);
  }
  *stop = true;
}

}  // namespace

Task<Result<Wanted>> find_wanted(const ReceiveOptions& options, const storage::Inbox& inbox,
                                 BlockingPool& pool, SessionPtr session,
                                 std::vector<std::size_t> accepted) {
  Wanted all;
  all.files = std::move(accepted);
  const auto conflict = options.conflict;
  if (conflict == Conflict::rename || !options.output.empty()) co_return all;
  const auto executor = co_await net::asio::this_coro::executor;
  const auto stop = std::make_shared<std::atomic<bool>>(false);
  net::TaskGroup watch(executor);
  watch.spawn(keep_waiting(session, stop));
  Search search(inbox, conflict, session, std::move(all.files), stop);
  auto wanted = co_await pool.run(std::move(search));
  watch.cancel();
  co_await watch.join();
  if (!session->running()) co_return fail(Errc::cancelled, "the session has ended");
  co_return wanted;
}

}  // namespace lsend::app
