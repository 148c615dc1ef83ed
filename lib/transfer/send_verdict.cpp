#include "send_verdict.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "lsend/model/text.hpp"

namespace lsend::transfer {
namespace {

void append(std::string& text, std::size_t count, std::string_view what) {
  if (count == 0) return;
  text += text.empty() ? "" : ", ";
  text += std::to_string(count);
  text += what;
}

}  // namespace

SendPlan::Totals send_totals(const std::vector<SendPlan::File>& files) {
  SendPlan::Totals totals;
  for (const auto& file : files) {
    if (file.status == SendStatus::skipped) {
      ++totals.skipped;
      if (file.present) ++totals.present;
      continue;
    }
    if (file.unsendable) {
      ++totals.unsendable;
      ++totals.failed;
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

Result<> send_verdict(const std::vector<SendPlan::File>& files, const SendPlan::Totals& count) {
  if (count.done + count.present == files.size()) return {};
  const auto is_failed = [](const SendPlan::File& file) {
    return file.status == SendStatus::failed;
  };
  const auto first = std::find_if(files.begin(), files.end(), is_failed);

  if (count.skipped == files.size() && count.present == 0) {
    return fail(Errc::declined, count.skipped == 1 ? "the receiver does not want the file"
                                                   : "the receiver wants none of the " +
                                                         std::to_string(count.skipped) + " files");
  }
  const bool all_alike = count.failed == files.size() &&
                         std::all_of(first, files.end(), [&](const SendPlan::File& file) {
                           return file.error.code() == first->error.code();
                         });
  if (all_alike && files.size() == 1) return first->error;

  std::string parts;
  append(parts, count.skipped - count.present, " skipped by the receiver");
  append(parts, count.failed, " failed");
  if (first != files.end()) {
    parts += " (first: '" + escape_for_terminal(first->info.file_name) +
             "': " + first->error.message() + ")";
  }
  append(parts, count.open, " not tried to the end");
  const std::size_t missing = files.size() - count.done - count.present;
  auto code = all_alike ? first->error.code() : Errc::partial;
  // Nothing of what it was asked about.
  if (count.skipped > 0 && count.present == 0 && count.skipped + count.unsendable == files.size())
    code = Errc::declined;
  return fail(code,
              std::to_string(missing) + " of " + std::to_string(files.size()) +
                  (missing == 1 ? " files was not sent: " : " files were not sent: ") + parts);
}

}  // namespace lsend::transfer
