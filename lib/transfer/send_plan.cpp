#include "lsend/transfer/send_plan.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "lsend/transfer/resume.hpp"
#include "send_verdict.hpp"

namespace lsend::transfer {
namespace {

bool is_unfinished(SendStatus status) {
  return status == SendStatus::open || status == SendStatus::offered ||
         status == SendStatus::waiting || status == SendStatus::sending;
}

}  // namespace

SendPlan::SendPlan(std::vector<FileInfo> files) {
  files_.reserve(files.size());
  for (auto& info : files) files_.emplace_back().info = std::move(info);
}

void SendPlan::add_unsendable(FileInfo info, Error why) {
  auto& file = files_.emplace_back();
  file.info = std::move(info);
  file.status = SendStatus::failed;
  file.unsendable = true;
  file.error = std::move(why);
}

/// Peers mostly name files in the order of the offer: `expected` is looked at first, and moves on.
SendPlan::File* SendPlan::find(const FileId& id, std::size_t& expected) {
  if (expected >= files_.size() || files_[expected].info.id != id) {
    const File* const file = find(id);
    if (!file) return nullptr;
    expected = static_cast<std::size_t>(file - files_.data());
  }
  return &files_[expected++];
}

SendPlan::File* SendPlan::find(const FileId& id) {
  const auto id_of = [this](std::uint32_t i) -> const std::string& {
    return files_[i].info.id.str();
  };
  if (by_id_.empty()) {
    by_id_.resize(files_.size());
    std::iota(by_id_.begin(), by_id_.end(), 0U);
    std::ranges::sort(by_id_, {}, id_of);
  }
  const auto found = std::ranges::lower_bound(by_id_, id.str(), {}, id_of);
  return found != by_id_.end() && id_of(*found) == id.str() ? &files_[*found] : nullptr;
}

void SendPlan::announce(const std::vector<std::string>& digests) {
  for (std::size_t i = 0; i < std::min(digests.size(), files_.size()); ++i) {
    auto& file = files_[i];
    if (!file.info.sha256 && !file.changed && !digests[i].empty()) file.info.sha256 = digests[i];
  }
}

std::vector<std::size_t> SendPlan::offer(std::size_t most) {
  std::vector<std::size_t> offered;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    auto& status = files_[i].status;
    if (status != SendStatus::open && status != SendStatus::offered) continue;
    const bool fits = offered.size() < most;
    status = fits ? SendStatus::offered : SendStatus::open;
    if (fits) offered.push_back(i);
  }
  asked_again_ = asked_again_ || lost_;
  next_ = 0;
  broke_ = lost_ = false;
  return offered;
}

bool SendPlan::has_open() const {
  return std::any_of(files_.begin(), files_.end(),
                     [](const File& file) { return file.status == SendStatus::open; });
}

std::size_t SendPlan::waiting() const {
  return static_cast<std::size_t>(std::count_if(files_.begin(), files_.end(), [](const File& file) {
    return file.status == SendStatus::waiting;
  }));
}

Result<SendPlan::Acceptance> SendPlan::accepted(const PrepareUploadReply& reply) {
  Acceptance acceptance;
  std::size_t expected = 0;
  for (const auto& [id, token] : reply.tokens) {
    File* const file = find(id, expected);
    if (file && file->status == SendStatus::offered) {
      ++acceptance.accepted;
      file->status = SendStatus::waiting;
    } else if (!file || file->status != SendStatus::waiting) {
      ++acceptance.unknown;
      continue;
    }
    file->token = token;
  }
  if (acceptance.accepted == 0 && acceptance.unknown > 0) {
    return fail(Errc::protocol, "the peer accepted " + std::to_string(acceptance.unknown) +
                                    " files that were never offered and none of ours");
  }
  for (auto& file : files_) {
    if (file.status != SendStatus::offered) continue;
    file.status = SendStatus::skipped;
    ++acceptance.skipped;
  }
  for (const auto& id : reply.present) {
    File* const file = find(id, expected);
    if (!file || file->status != SendStatus::skipped || file->present) continue;
    file->present = true;
    ++acceptance.present;
  }
  take_points(reply);
  return acceptance;
}

void SendPlan::take_points(const PrepareUploadReply& reply) {
  resumes_ = reply.resumes;
  for (auto& [file, broken] : broken_) broken.point.reset();
  for (const auto& [id, point] : reply.points) {
    const File* const file = find(id);
    if (!file || file->status != SendStatus::waiting) continue;
    if (point.offset == 0 || point.offset >= file->info.size) continue;
    auto& broken = broken_[static_cast<std::size_t>(file - files_.data())];
    broken.point = point;
    // It gets on, however often it breaks: that ends, the file has an end.
    if (point.offset >= broken.best + kWorthKeeping) broken.breaks = 0;
    broken.best = std::max(broken.best, point.offset);
  }
}

std::optional<ResumePoint> SendPlan::point(std::size_t file) const {
  const auto found = broken_.find(file);
  return found == broken_.end() ? std::nullopt : found->second.point;
}

void SendPlan::forget_point(std::size_t file) {
  if (const auto found = broken_.find(file); found != broken_.end()) found->second.point.reset();
}

void SendPlan::nothing_wanted(bool needless) {
  for (auto& file : files_) {
    if (file.status != SendStatus::offered) continue;
    file.status = SendStatus::skipped;
    file.present = needless;
  }
}

std::optional<std::size_t> SendPlan::next(std::uint64_t most) {
  while (next_ < files_.size() && files_[next_].status != SendStatus::waiting) ++next_;
  if (next_ == files_.size() || files_[next_].info.size > most) return std::nullopt;
  files_[next_].status = SendStatus::sending;
  files_[next_].attempts = 1;
  return next_++;
}

void SendPlan::put_back(std::size_t file) {
  files_.at(file).status = SendStatus::waiting;
  files_.at(file).attempts = 0;
  next_ = std::min(next_, file);
}

void SendPlan::done(std::size_t file) { files_.at(file).status = SendStatus::done; }

void SendPlan::refuted(std::size_t file, const Error& error) {
  files_.at(file).status = SendStatus::failed;
  files_.at(file).error = error;
  files_.at(file).refuted = true;
}

void SendPlan::abandon_waiting(const Error& error) {
  for (auto& file : files_) {
    if (file.status != SendStatus::waiting) continue;
    file.status = SendStatus::failed;
    file.error = error;
  }
}

void SendPlan::abandon(const Error& error) {
  for (auto& file : files_) {
    if (!is_unfinished(file.status)) continue;
    file.status = SendStatus::failed;
    // What broke an earlier attempt is the cause of what came of asking again.
    const bool told = !file.error.message().empty();
    if (!told || !follows_a_break(error.code())) file.error = error;
  }
}

std::size_t SendPlan::reopen() {
  std::size_t open = 0;
  for (auto& file : files_) {
    const bool again =
        file.status == SendStatus::failed && !file.refuted && !file.unsendable &&
        is_temporary(file.error.code());
    if (!again && !is_unfinished(file.status)) continue;
    file.status = SendStatus::open;
    file.attempts = 0;
    file.told_to_wait = false;
    ++open;
  }
  asked_again_ = lost_ = false;
  for (auto& [file, broken] : broken_) broken.breaks = 0;
  return open;
}

SendPlan::Totals SendPlan::totals() const { return send_totals(files_); }

Result<> SendPlan::verdict() const { return send_verdict(files_, totals()); }

}  // namespace lsend::transfer
