#include "cmd/many_targets.hpp"

#include <algorithm>

namespace lsend::cmd {

void ManyTargets::on(const app::Event& event) {
  if (const auto* file = std::get_if<app::FileEvent>(&event)) {
    auto named = *file;
    named.name = file->target + ": " + file->name;
    return next_.on(named);
  }
  const auto* progress = std::get_if<app::ProgressEvent>(&event);
  if (progress == nullptr) return next_.on(event);
  progress_[progress->target] = *progress;
  app::ProgressEvent sum;
  for (const auto& [target, one] : progress_) {
    sum.bytes += one.bytes;
    sum.total_bytes += one.total_bytes;
    sum.files += one.files;
    sum.total_files += one.total_files;
    sum.bytes_per_second += one.bytes_per_second;
    // All are there when the last one is.
    if (one.remaining)
      sum.remaining = std::max(sum.remaining.value_or(*one.remaining), *one.remaining);
  }
  sum.peer = std::to_string(progress_.size()) + " devices";
  next_.on(sum);
}

}  // namespace lsend::cmd
