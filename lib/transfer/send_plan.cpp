#include "lsend/transfer/send_plan.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "lsend/model/text.hpp"

namespace lsend::transfer {
namespace {

/// In all, per file: the limit of the official app as well (protocol.md 2.5).
constexpr unsigned kAttempts = 3;

enum class Cause : std::uint8_t { damaged, broke, peer_is_loaded, session_gone, lasting };

Cause cause_of(Errc code) {
  switch (code) {
    case Errc::checksum_mismatch:
      return Cause::damaged;
    case Errc::unreachable:
    case Errc::handshake:
    case Errc::timed_out:
    case Errc::failed:
      return Cause::broke;
    case Errc::too_many_requests:
    case Errc::shutting_down:
      return Cause::peer_is_loaded;
    case Errc::busy:
    case Errc::cancelled:
    case Errc::interrupted:
    case Errc::terminated:
    case Errc::identity:  // someone else answers there now: nothing more may go out
      return Cause::session_gone;
    default:
      return Cause::lasting;
  }
}

NextStep next_step(Errc code, unsigned attempts) {
  const Cause cause = cause_of(code);
  if (cause == Cause::session_gone) return NextStep::stop_session;
  if (cause == Cause::lasting || attempts >= kAttempts) return NextStep::give_up;
  if (cause == Cause::peer_is_loaded) return NextStep::retry_later;
  if (cause == Cause::broke && attempts > 1) return NextStep::retry_later;
  return NextStep::retry_now;
}

void append(std::string& text, std::size_t count, std::string_view what) {
  if (count == 0) return;
  text += text.empty() ? "" : ", ";
  text += std::to_string(count);
  text += what;
}

}  // namespace

SendPlan::SendPlan(std::vector<FileInfo> files) {
  files_.reserve(files.size());
  by_id_.reserve(files.size());
  for (auto& info : files) {
    by_id_.try_emplace(info.id, files_.size());
    files_.push_back(File{std::move(info), Token{}, SendStatus::waiting, 0, Error{}});
  }
}

Result<SendPlan::Acceptance> SendPlan::accepted(const PrepareUploadReply& reply) {
  Acceptance acceptance;
  std::vector<bool> wanted(files_.size(), false);
  for (const auto& [id, token] : reply.tokens) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) {
      ++acceptance.unknown;
      continue;
    }
    wanted[found->second] = true;
    files_[found->second].token = token;
  }
  acceptance.accepted = static_cast<std::size_t>(std::count(wanted.begin(), wanted.end(), true));
  acceptance.skipped = files_.size() - acceptance.accepted;
  if (acceptance.accepted == 0 && acceptance.unknown > 0) {
    return fail(Errc::protocol, "the peer accepted " + std::to_string(acceptance.unknown) +
                                    " files that were never offered and none of ours");
  }
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (!wanted[i]) files_[i].status = SendStatus::skipped;
  }
  return acceptance;
}

void SendPlan::nothing_wanted() {
  for (auto& file : files_) file.status = SendStatus::skipped;
}

std::optional<std::size_t> SendPlan::next() {
  while (next_ < files_.size() && files_[next_].status != SendStatus::waiting) ++next_;
  if (next_ == files_.size()) return std::nullopt;
  files_[next_].status = SendStatus::sending;
  files_[next_].attempts = 1;
  return next_++;
}

void SendPlan::done(std::size_t file) { files_.at(file).status = SendStatus::done; }

NextStep SendPlan::failed(std::size_t file, const Error& error) {
  File& entry = files_.at(file);
  const NextStep step = next_step(error.code(), entry.attempts);
  if (step == NextStep::retry_now || step == NextStep::retry_later) {
    ++entry.attempts;
  } else {
    entry.status = SendStatus::failed;
    // A receiver that has given the file up answers 403 to the retry: the cause is what came before.
    const bool consequence = error.code() == Errc::forbidden && entry.attempts > 1;
    if (!consequence) entry.error = error;
    return step;
  }
  entry.error = error;
  return step;
}

void SendPlan::abandon(const Error& error) {
  for (auto& file : files_) {
    if (file.status != SendStatus::waiting && file.status != SendStatus::sending) continue;
    file.status = SendStatus::failed;
    file.error = error;
  }
}

SendPlan::Totals SendPlan::totals() const {
  Totals totals;
  for (const auto& file : files_) {
    if (file.status == SendStatus::skipped) {
      ++totals.skipped;
      continue;
    }
    totals.bytes_total += file.info.size;
    if (file.status == SendStatus::done) {
      ++totals.done;
      totals.bytes_done += file.info.size;
    } else if (file.status == SendStatus::failed) {
      ++totals.failed;
    } else {
      ++totals.open;
    }
  }
  return totals;
}

Result<> SendPlan::verdict() const {
  const Totals count = totals();
  if (count.done == files_.size()) return {};
  const auto is_failed = [](const File& file) { return file.status == SendStatus::failed; };
  const auto first = std::find_if(files_.begin(), files_.end(), is_failed);

  if (count.skipped == files_.size()) {
    return fail(Errc::declined, count.skipped == 1 ? "the receiver does not want the file"
                                                   : "the receiver wants none of the " +
                                                         std::to_string(count.skipped) + " files");
  }
  const bool all_alike =
      count.failed == files_.size() && std::all_of(first, files_.end(), [&](const File& file) {
        return file.error.code() == first->error.code();
      });
  if (all_alike && files_.size() == 1) return first->error;

  std::string parts;
  append(parts, count.skipped, " skipped by the receiver");
  append(parts, count.failed, " failed");
  if (first != files_.end()) {
    parts += " (first: '" + escape_for_terminal(first->info.file_name) +
             "': " + first->error.message() + ")";
  }
  append(parts, count.open, " not tried to the end");
  const std::size_t missing = files_.size() - count.done;
  return fail(all_alike ? first->error.code() : Errc::partial,
              std::to_string(missing) + " of " + std::to_string(files_.size()) +
                  (missing == 1 ? " files was not sent: " : " files were not sent: ") + parts);
}

}  // namespace lsend::transfer
