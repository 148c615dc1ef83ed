#include "lsend/transfer/send_plan.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "lsend/transfer/resume.hpp"
#include "send_verdict.hpp"

namespace lsend::transfer {
namespace {

/// In all, per file: the limit of the official app as well (protocol.md 2.5).
constexpr unsigned kAttempts = 3;
constexpr Duration kPauseAfterBreak = std::chrono::seconds(1);

bool is_unfinished(SendStatus status) {
  return status == SendStatus::open || status == SendStatus::offered ||
         status == SendStatus::waiting || status == SendStatus::sending;
}

}  // namespace

SendPlan::SendPlan(std::vector<FileInfo> files) {
  files_.reserve(files.size());
  for (auto& info : files) files_.emplace_back().info = std::move(info);
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
    if (!file.info.sha256 && !file.changed) file.info.sha256 = digests[i];
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

void SendPlan::nothing_wanted() {
  for (auto& file : files_) {
    if (file.status != SendStatus::offered) continue;
    file.status = SendStatus::skipped;
    ++needless_;
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

Step SendPlan::failed(std::size_t index, const UploadFailure& failure) {
  File& file = files_.at(index);
  const FailureCause cause = cause_of(failure);
  Step step;
  switch (cause) {
    case FailureCause::damaged:
      if (file.attempts < kAttempts) step.next = NextStep::read_again;
      break;
    case FailureCause::broke:
      broke_ = true;
      step = after_break(index, failure);
      break;
    case FailureCause::forbidden:
      step = after_forbidden(file);
      break;
    case FailureCause::no_session:
      step = after_loss(failure.error);
      break;
    case FailureCause::too_many:
      step = after_too_many(file, failure);
      break;
    case FailureCause::called_off:
      step.next = NextStep::stop_session;
      break;
    case FailureCause::lasting:
      break;
  }
  if (!failure.unconnected && cause != FailureCause::too_many) forget_point(index);
  // A receiver that has given the file up answers 403 to the retry: the cause is what came before.
  if (cause != FailureCause::forbidden || file.attempts == 1) file.error = failure.error;
  if (step.next == NextStep::retry || step.next == NextStep::read_again) ++file.attempts;
  if (step.next == NextStep::ask_again) file.status = SendStatus::open;
  if (step.next == NextStep::fewer_uploads) {
    file.status = SendStatus::waiting;
    next_ = std::min(next_, index);
  }
  if (step.next == NextStep::give_up || step.next == NextStep::stop_session)
    file.status = SendStatus::failed;
  return step;
}

/// A peer that keeps what has come is asked how much that is; with any other the file begins anew.
Step SendPlan::after_break(std::size_t index, const UploadFailure& failure) {
  const File& file = files_[index];
  const bool began = failure.moved > 0 || point(index).has_value();
  // What is stored already is refused with its digest: the same token tells.
  const bool only_answer = failure.sent_all && file.attempts == 1;
  if (resumes_ && !only_answer && began && !failure.unconnected &&
      file.info.size >= kWorthKeeping) {
    auto& broken = broken_[index];
    if (++broken.breaks >= kAttempts) return {};
    return {NextStep::ask_again, broken.breaks > 1 ? kPauseAfterBreak : Duration{0}};
  }
  if (file.attempts >= kAttempts) return {};
  return {NextStep::retry, file.attempts > 1 ? kPauseAfterBreak : Duration{0}};
}

/// 1.18 refuses the token of a file that broke off, a receiver that was restarted those of all
/// files (and so does one that sees us at another address): each follows a break.
Step SendPlan::after_forbidden(const File& file) {
  if (!broke_ || asked_again_) return {};
  // Had this file not broken off itself, no token of this session is worth trying.
  return offer_again(file.attempts == 1);
}

/// 409 to an upload is how LocalSend up to 1.17 says that it knows of no session: it was restarted,
/// or the session was ended there (protocol.md 1.2, 2.3).
Step SendPlan::after_loss(const Error& error) {
  if (!asked_again_) return offer_again(true);
  abandon_waiting(error);
  return {};
}

Step SendPlan::offer_again(bool all) {
  lost_ = true;
  for (auto& other : files_)
    if (all && other.status == SendStatus::waiting) other.status = SendStatus::open;
  return {NextStep::ask_again, Duration{0}};
}

Step SendPlan::after_too_many(File& file, const UploadFailure& failure) {
  const auto sending = std::count_if(files_.begin(), files_.end(), [](const File& other) {
    return other.status == SendStatus::sending;
  });
  if (sending > 1) return {NextStep::fewer_uploads, Duration{0}};
  if (file.told_to_wait) return {};
  file.told_to_wait = true;
  return {NextStep::retry, failure.retry_after.value_or(kUsuallyTold)};
}

Step SendPlan::checked(std::size_t index, FileInfo now) {
  File& file = files_.at(index);
  const bool same = now.size == file.info.size && now.sha256 == file.info.sha256 &&
                    (now.sha256 || now.modified == file.info.modified);
  if (same) return {NextStep::retry, Duration{0}};
  if (file.changed) {
    file.status = SendStatus::failed;
    file.error = fail(Errc::io, "the file keeps changing while it is sent");
    return {};
  }
  file.changed = true;
  file.info = std::move(now);
  file.status = SendStatus::open;
  file.attempts = 0;
  return {NextStep::ask_again, Duration{0}};
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
    file.error = error;
  }
}

std::size_t SendPlan::reopen() {
  std::size_t open = 0;
  for (auto& file : files_) {
    const bool again =
        file.status == SendStatus::failed && !file.refuted && is_temporary(file.error.code());
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

Result<> SendPlan::verdict() const { return send_verdict(files_, totals(), needless_); }

}  // namespace lsend::transfer
