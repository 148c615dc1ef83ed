// What follows the failure of an upload.
#include <algorithm>
#include <utility>

#include "lsend/transfer/resume.hpp"
#include "lsend/transfer/send_plan.hpp"

namespace lsend::transfer {
namespace {

/// In all, per file: the limit of the official app as well (protocol.md 2.5).
constexpr unsigned kAttempts = 3;
constexpr Duration kPauseAfterBreak = std::chrono::seconds(1);

/// Did an earlier attempt fail for a cause that this failure only follows? A receiver that has given
/// the file up answers 403 to the retry, and one that is gone answers nothing.
bool is_consequence(const SendPlan::File& file, const UploadFailure& failure) {
  const bool told = !file.error.message().empty();
  return told && (failure.unconnected || follows_a_break(failure.error.code()));
}

}  // namespace

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
  if (!is_consequence(file, failure)) file.error = failure.error;
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

}  // namespace lsend::transfer
