#include "lib/app/form_upload.hpp"

#include <algorithm>
#include <limits>

#include "lsend/model/text.hpp"
#include "lsend/storage/safe_path.hpp"

namespace lsend::app {

namespace {

constexpr auto kUnknownSize = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kAskDiskEvery = 16 * 1024 * 1024;

std::string of_which(std::uint64_t leftover) {
  if (leftover == 0) return {};
  return ", of which broken transfers left " + format_size(leftover) + " in .lsend";
}

}  // namespace

FormUpload::FormUpload(SessionPtr session, const storage::Inbox& inbox,
                       const ReceiveOptions& options, ReceiveStore& store, Report report)
    : session_(std::move(session)),
      inbox_(inbox),
      options_(options),
      store_(store),
      report_(std::move(report)),
      leftover_(options.limits.max_size ? inbox.leftover() : 0) {}

FormUpload::~FormUpload() {
  // Only an exception leaves a form like this.
  if (ended_) return;
  for (const auto& ticket : {ticket_, held_ ? std::optional(held_->ticket) : std::nullopt})
    if (ticket) session_->fail_upload(*ticket, false, Clock::now());
  session_->end_form(false);
}

Result<> FormUpload::begin_file(std::string name) {
  // A browser sends a field of files that was left empty as a file without name and bytes.
  nameless_ = name.empty();
  return nameless_ ? Result<>() : open_file(std::move(name));
}

Result<> FormUpload::open_file(std::string name) {
  nameless_ = false;
  FileInfo info;
  info.file_name = name;
  auto terms = store_.terms_of(info);
  // Refused before anything was taken, as a request that announces such a name is.
  if (!terms && session_->files().empty()) return terms.error();
  const auto cleaned = storage::clean_file_name(name);
  if (!cleaned && session_->files().empty()) return cleaned.error();
  if (cleaned && !options_.filter.passes(storage::join_components(*cleaned))) {
    skipping_ = true;
    report_(info, fail(Errc::declined, "it does not pass --allow and --deny"));
    return {};
  }
  info.id = FileId(std::to_string(session_->files().size() + 1));
  const auto ticket = session_->add_file(std::move(info), Clock::now());
  if (!ticket) return ticket.error();
  ticket_ = *ticket;
  if (session_->files().size() > options_.limits.max_files)
    return fail(Errc::limit, "the form has more files than " +
                                 std::to_string(options_.limits.max_files) +
                                 ", the limit (--max-files)");
  if (!cleaned) return cleaned.error();
  if (!terms) return terms.error();
  terms_ = std::move(*terms);
  auto part = inbox_.create_part(kUnknownSize, options_.checksum);
  if (!part) return part.error();
  part_.emplace(std::move(*part));
  room_ = 0;
  return {};
}

Result<> FormUpload::file_bytes(std::span<const std::byte> bytes) {
  if (skipping_) return {};
  if (nameless_)
    if (auto ok = open_file(std::string()); !ok) return ok;
  if (auto ok = check_limits(bytes.size()); !ok) return ok;
  if (auto ok = take_room(bytes.size()); !ok) return ok;
  if (auto ok = part_->write(bytes); !ok) return ok;
  total_ += bytes.size();
  session_->set_size(*ticket_, part_->written());
  return {};
}

Result<> FormUpload::check_limits(std::uint64_t more) const {
  const auto& limits = options_.limits;
  if (limits.max_file_size && part_->written() + more > *limits.max_file_size)
    return fail(Errc::limit, "'" + escape_for_terminal(file().file_name) + "' is larger than " +
                                 format_size(*limits.max_file_size) +
                                 ", the limit for one file (--max-file-size)");
  if (limits.max_size && total_ + more + leftover_ > *limits.max_size)
    return fail(Errc::limit, "the form's files are larger than " + format_size(*limits.max_size) +
                                 " in all, the limit (--max-size)" + of_which(leftover_));
  return {};
}

Result<> FormUpload::take_room(std::uint64_t bytes) {
  if (bytes > room_) {
    const auto free = inbox_.free_space();
    if (!free) return free.error();
    const auto reserve = options_.limits.min_free;
    const auto usable = *free > reserve ? *free - reserve : 0;
    if (bytes > usable)
      return fail(Errc::no_space, "no room for more of '" + escape_for_terminal(file().file_name) +
                                      "': the disk has " + format_size(*free) + " free and keeps " +
                                      format_size(reserve) +
                                      " (--min-free): make room or lower the reserve");
    room_ = std::max(bytes, std::min(usable, kAskDiskEvery));
  }
  room_ -= bytes;
  return {};
}

Result<> FormUpload::end_file() {
  if (std::exchange(nameless_, false) || std::exchange(skipping_, false)) return {};
  if (!session_->may_publish(*ticket_)) return fail(Errc::cancelled, "the session has ended");
  terms_.size = part_->written();
  if (options_.to_standard_output()) {
    if (auto whole = part_->seal(terms_); !whole) return whole;
    held_.emplace(Held{*ticket_, std::move(*part_)});
    part_.reset();
    ticket_.reset();
    return {};
  }
  const auto stored = part_->commit(terms_);
  if (!stored) return stored.error();
  part_.reset();
  session_->complete_upload(*ticket_, Clock::now());
  report_(file(), stored);
  ticket_.reset();
  return {};
}

Task<Result<>> FormUpload::hand_over(net::Exchange& exchange) {
  const auto handed = co_await store_.hand_over(held_->part, session_, exchange);
  if (!handed) co_return handed.error();
  const auto ticket = held_->ticket;
  held_.reset();
  session_->complete_upload(ticket, Clock::now());
  report_(session_->files()[ticket.file].info, handed);
  co_return Result<>();
}

void FormUpload::end(const Result<>& outcome) {
  ended_ = true;
  part_.reset();
  if (held_) {
    session_->fail_upload(held_->ticket, false, Clock::now());
    report_(session_->files()[held_->ticket.file].info, outcome.error());
    held_.reset();
  }
  if (!outcome && ticket_) {
    session_->fail_upload(*ticket_, false, Clock::now());
    report_(file(), outcome.error());
    ticket_.reset();
  }
  session_->end_form(outcome.has_value());
}

}  // namespace lsend::app
