#include "lib/app/send_batch.hpp"

#include <algorithm>

namespace lsend::app {

namespace {

/// Large enough that a wake-up and a system call for each file do not count, small enough that what
/// a break leaves without an answer is little.
constexpr std::uint64_t kSmall = 16 * 1024;
constexpr std::uint64_t kBatchBytes = 64 * 1024;
constexpr std::size_t kBatchFiles = 16;

}  // namespace

SendUploads::Batch::Batch(SendUploads& uploads) {
  auto& plan = uploads.session_.plan;
  std::uint64_t bytes = 0;
  while (items_.size() < kBatchFiles && bytes < kBatchBytes) {
    const auto file = plan.next(kSmall);
    if (!file) break;
    auto source = uploads.open_source(*file);
    // Its turn comes alone, and its failure with it.
    if (!source) {
      plan.put_back(*file);
      break;
    }
    bytes += plan.files()[*file].info.size;
    items_.push_back(
        std::make_unique<Item>(*file, std::move(*source), uploads.worth_hashing(*file)));
  }
  // One file is sent as all others are.
  if (items_.size() == 1) {
    plan.put_back(items_.front()->file);
    items_.clear();
  }
  requests_.reserve(items_.size());
  for (auto& item : items_)
    requests_.push_back({uploads.call_for(item->file), &item->source,
                         plan.files()[item->file].info.size,
                         uploads.count_for(item->file, item->moved)});
}

/// Several small files at once. What got no answer because of another one's failure is sent again
/// and has lost nothing.
Task<bool> SendUploads::upload_batch(ClientPtr& client, Batch& batch) {
  std::vector<Result<net::Reply>> replies;
  {
    const auto in_use = session_.calls.in_use(*client);
    replies = co_await client->upload_together(batch.requests());
  }
  for (std::size_t i = batch.size(); i > replies.size(); --i) {
    news_.take_back(batch[i - 1].moved);
    session_.plan.put_back(batch[i - 1].file);
  }
  std::vector<std::pair<std::size_t, transfer::UploadFailure>> failures;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    Stored stored;
    auto failure = co_await judge(batch[i].file, replies[i], batch[i].source, stored);
    if (!failure) {
      session_.plan.done(batch[i].file);
      news_.remark(batch[i].source);
      news_.file(batch[i].file, std::move(stored.sha256));
      continue;
    }
    news_.take_back(batch[i].moved);
    if (stored.damaged) {
      session_.plan.refuted(batch[i].file, failure->error);
      news_.file(batch[i].file, std::nullopt);
    } else {
      failures.emplace_back(batch[i].file, std::move(*failure));
    }
  }
  // "Fewer at a time" is one answer for the whole group.
  const auto refused = [](const auto& each) {
    return each.second.error.code() == Errc::too_many_requests;
  };
  const auto first = std::find_if(failures.begin(), failures.end(), refused);
  if (first != failures.end()) {
    const auto rest = std::remove_if(first + 1, failures.end(), [&](const auto& each) {
      if (refused(each)) session_.plan.put_back(each.first);
      return refused(each);
    });
    failures.erase(rest, failures.end());
  }
  bool more = true;
  for (auto& [file, failure] : failures) {
    const bool wanted = co_await upload_and_tell(client, file, std::move(failure));
    more = more && wanted;
  }
  co_return more;
}

}  // namespace lsend::app
