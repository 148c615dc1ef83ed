#include "cmd/reporter.hpp"

#include <limits>

#include "cmd/console.hpp"
#include "cmd/progress_line.hpp"
#include "lsend/model/text.hpp"

namespace lsend::cmd {

std::string describe(const Dropped& dropped) {
  std::vector<std::string> parts;
  if (dropped.progress > 0) parts.push_back(std::to_string(dropped.progress) + " of progress");
  if (dropped.log > 0) parts.push_back(std::to_string(dropped.log) + " of the log");
  if (dropped.kept > 0) parts.push_back(std::to_string(dropped.kept) + " that say what happened");
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i)
    text += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
  return text;
}

std::string Tally::status(const app::DroppedDatagrams& dropped) const {
  const auto totals = this->totals();
  auto line = count_of(totals.files_done, "file") + " done, " + format_size(totals.bytes);
  if (totals.files_failed > 0) line += ", " + std::to_string(totals.files_failed) + " failed";
  if (totals.sessions > 0) line += ", " + count_of(totals.sessions, "transfer") + " ended";
  if (dropped.malformed + dropped.too_many > 0)
    line += ", " + count_of(dropped.malformed + dropped.too_many, "datagram") + " dropped (" +
            std::to_string(dropped.malformed) + " malformed, " + std::to_string(dropped.too_many) +
            " too many)";
  line += ", running for " + format_clock(totals.elapsed);
  if (!now_) return line + "; nothing moves";
  return line + "; now " + progress_line(*now_, LineLook{std::numeric_limits<std::size_t>::max()});
}

void Tally::on(const app::Event& event) {
  if (std::holds_alternative<app::StatusEvent>(event)) {
    if (say_) say_(status(std::get<app::StatusEvent>(event).dropped));
    return;
  }
  if (const auto* progress = std::get_if<app::ProgressEvent>(&event)) now_ = *progress;
  if (const auto* file = std::get_if<app::FileEvent>(&event)) {
    if (file->status == app::FileStatus::failed)
      ++totals_.files_failed;
    else if (file->status != app::FileStatus::done)
      ++totals_.files_skipped;
    else {
      ++totals_.files_done;
      totals_.bytes += file->size;
    }
  }
  if (std::holds_alternative<app::MessageEvent>(event)) ++totals_.messages;
  if (const auto* session = std::get_if<app::SessionEvent>(&event)) {
    ++totals_.sessions;
    now_.reset();
    ended_.files_done += session->done;
    ended_.files_failed += session->failed;
    ended_.bytes += session->bytes;
  }
  if (const auto* target = std::get_if<app::TargetEvent>(&event)) totals_.target = *target;
  if (const auto* device = std::get_if<app::DeviceEvent>(&event))
    if (device->kind == app::DeviceEvent::Kind::found) ++totals_.devices;
  next_.on(event);
}

Totals Tally::totals() const {
  auto totals = totals_;
  if (totals.sessions > 0) {
    totals.files_done = ended_.files_done;
    totals.files_failed = ended_.files_failed;
    totals.bytes = ended_.bytes;
  }
  totals.elapsed = std::chrono::duration_cast<Duration>(Clock::now() - started_);
  return totals;
}

}  // namespace lsend::cmd
