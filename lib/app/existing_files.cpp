#include "lib/app/existing_files.hpp"

#include <atomic>
#include <unordered_set>

#include "lib/app/watched_work.hpp"
#include "lsend/storage/disk_name.hpp"
#include "lsend/storage/safe_path.hpp"

namespace lsend::app {

namespace {

using SessionPtr = transfer::UploadSlot::SessionPtr;
using storage::Conflict;
/// Senders wait five minutes for an answer.
constexpr Duration kLongestSearch = std::chrono::minutes(4);

/// On a thread of the pool: the files' descriptions do not change while a session waits.
class Search {
 public:
  Search(const storage::Inbox& inbox, Conflict conflict, SessionPtr session,
         std::vector<std::size_t> accepted, const std::atomic<bool>& stop)
      : inbox_(inbox),
        conflict_(conflict),
        session_(std::move(session)),
        accepted_(std::move(accepted)),
        stop_(stop) {}

  Result<Wanted> operator()() {
    Wanted wanted;
    storage::NameTwins twins(inbox_);
    for (const auto index : accepted_) {
      auto left = look_at(index, twins);
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

  Result<std::optional<Left>> look_at(std::size_t index, storage::NameTwins& twins) {
    const auto& info = session_->files()[index].info;
    auto name = storage::clean_file_name(info.file_name);
    if (!name) return name.error();
    if (conflict_ == Conflict::skip) {
      if (!info.sha256 || stop_) return std::optional<Left>();
      auto path = inbox_.find_equal(std::move(*name), info.size, *info.sha256, read_, stop_);
      if (!path) return std::optional<Left>();
      return std::optional<Left>(Left{index, std::move(*path)});
    }
    if (stop_) return fail(Errc::timed_out, "it took too long to look for files of these names");
    auto key = twins.key(*name);
    if (!key) return key.error();
    const bool again = !seen_.insert(std::move(*key)).second;
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
  const std::atomic<bool>& stop_;
  std::unordered_set<std::string> seen_;
  storage::DigestsRead read_;  ///< however many of the request's files one of ours could equal
};

}  // namespace

Task<Result<Wanted>> find_wanted(const ReceiveOptions& options, const storage::Inbox& inbox,
                                 BlockingPool& pool, SessionPtr session,
                                 std::vector<std::size_t> accepted, net::Exchange& exchange) {
  Wanted all;
  all.files = std::move(accepted);
  const auto conflict = options.conflict;
  if (conflict == Conflict::rename || !options.output.empty()) co_return all;
  WatchedWork watched(exchange, session, Clock::now() + kLongestSearch);
  Search search(inbox, conflict, session, std::move(all.files), watched.stop());
  auto wanted = co_await watched.run(pool, std::move(search));
  if (watched.sender_gone()) co_return fail(Errc::cancelled, "the sender has gone");
  if (!session->running()) co_return session->ending();
  co_return wanted;
}

}  // namespace lsend::app
