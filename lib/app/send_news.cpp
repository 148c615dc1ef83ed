#include "lib/app/send_news.hpp"

namespace lsend::app {

namespace {
constexpr Duration kProgressEvery{100};
constexpr Duration kTellEvery{500};
constexpr Duration kLookEvery{100};
constexpr std::size_t kShownFiles = 4;
}  // namespace

void SendNews::target() {
  const auto& peer = session_.peer;
  TargetEvent event;
  event.target = session_.target;
  event.device = peer.info;
  event.endpoint = peer.endpoint;
  event.verified = peer.proven && *peer.proven == peer.info.fingerprint;
  event.standing = peer.standing;
  event.remembered = peer.remembered;
  sink_.on(event);
}

void SendNews::waiting(const std::string& reason) {
  WaitingEvent event;
  event.reason = reason;
  event.target = session_.target;
  sink_.on(event);
}

void SendNews::warning(const std::string& message) { sink_.on(WarningEvent{message}); }

void SendNews::remark(const ByteSource& sent) {
  if (const auto text = sent.remark(); !text.empty()) warning(text);
}

void SendNews::file(std::size_t index, std::optional<std::string> confirmed, std::uint64_t from) {
  active_.forget(index);
  if (told_[index]) return;
  told_[index] = true;
  const auto& entry = session_.plan.files()[index];
  FileEvent event;
  event.name = entry.info.file_name;
  const auto& payload = session_.payload;
  if (index < payload.local.size())
    event.name_bytes = payload.local[index].name_bytes;
  else if (entry.unsendable)
    event.name_bytes = payload.unsendable[index - payload.files.size()].name_bytes;
  event.target = session_.target;
  event.size = entry.info.size;
  event.error = entry.error;
  switch (entry.status) {
    case transfer::SendStatus::done:
      event.status = FileStatus::done;
      event.sha256 = std::move(confirmed);
      if (from > 0) event.resumed_from = from;
      resumed_ += from;
      break;
    case transfer::SendStatus::skipped:
      event.status = entry.present ? FileStatus::skipped : FileStatus::declined;
      break;
    default:
      event.status = FileStatus::failed;
  }
  sink_.on(event);
}

void SendNews::begin_progress() { progress_.set_total(session_.plan.totals().bytes_total); }

Task<> SendNews::wait_for_room() {
  while (room_.full() && !session_.calls.stopped()) {
    (void)co_await room_.wait(Clock::now() + kLookEvery);
  }
}

Task<> SendNews::keep_telling() {
  while (true) {
    const bool slept = co_await net::sleep_for(kTellEvery);
    if (!slept) co_return;
    const auto now = Clock::now();
    if (now - last_progress_ >= kTellEvery) show_progress(now);
  }
}

void SendNews::moved(std::size_t file, std::size_t bytes) {
  const auto now = Clock::now();
  progress_.add(bytes, now);
  const auto& info = session_.plan.files()[file].info;
  active_.moved(file, info.file_name, info.size, bytes, now);
  if (now - last_progress_ >= kProgressEvery) show_progress(now);
}

void SendNews::skip(std::size_t file, std::uint64_t bytes) {
  // Of an earlier attempt nothing counts.
  active_.forget(file);
  if (bytes == 0) return;
  progress_.skip(bytes);
  const auto& info = session_.plan.files()[file].info;
  active_.moved(file, info.file_name, info.size, bytes, Clock::now());
}

void SendNews::show_progress(TimePoint now) {
  last_progress_ = now;
  const auto totals = session_.plan.totals();
  ProgressEvent event;
  event.peer = session_.peer.info.alias;
  event.target = session_.target;
  event.bytes = progress_.bytes();
  event.total_bytes = progress_.total();
  event.files = totals.done;
  event.total_files = session_.plan.files().size() - totals.skipped - totals.unsendable;
  event.bytes_per_second = progress_.bytes_per_second(now);
  event.remaining = progress_.remaining(now);
  event.stalled = progress_.stalled(now);
  if (event.total_files > 1) event.active = active_.show(kShownFiles, now);
  sink_.on(event);
}

TargetReport SendNews::report() const {
  const auto totals = session_.plan.totals();
  TargetReport report;
  report.target = session_.target;
  report.found = true;
  report.device = session_.peer.info;
  report.endpoint = session_.peer.endpoint;
  report.done = totals.done;
  report.skipped = totals.skipped;
  report.present = totals.present;
  report.failed = totals.failed;
  report.bytes_done = totals.bytes_done;
  report.bytes_resumed = resumed_;
  report.bytes_total = totals.bytes_total;
  report.elapsed = std::chrono::duration_cast<Duration>(Clock::now() - started_);
  const auto verdict = session_.plan.verdict();
  report.success = verdict.has_value();
  if (report.success) return report;
  report.failure = verdict.error();
  if (!session_.calls.stopped()) return report;
  const auto& reason = session_.calls.reason();
  const bool by_user = is_stop(reason.code());
  // What arrived has arrived: a transfer that was cut short is a partial one.
  if (by_user || totals.done == 0) report.failure = reason;
  return report;
}

}  // namespace lsend::app
