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
                       const ReceiveOptions& options, ReceiveStore& store, Report report,
                       std::uint64_t leftover)
    : session_(std::move(session)),
      inbox_(inbox),
      options_(options),
      store_(store),
      report_(std::move(report)),
      leftover_(leftover) {}

FormUpload::~FormUpload() {
  // Only an exception leaves a form like this.
  if (ended_) return;
  // Without a list of them: there may be no memory for one.
  const auto fail = [this](const transfer::UploadTicket& ticket) {
    session_->fail_upload(ticket, transfer::Failure::lasting, Clock::now());
  };
  for (const auto& file : slow_) fail(file.ticket);
  if (held_) fail(held_->ticket);
  if (ticket_) fail(*ticket_);
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
  if (!session_->may_publish(*ticket_)) return session_->ending();
  terms_.size = part_->written();
  const bool held = options_.to_standard_output();
  if (held || part_->slow_to_seal()) {
    Held whole{*ticket_, std::move(*part_), terms_};
    if (held)
      held_.emplace(std::move(whole));
    else
      slow_.push_back(std::move(whole));
  } else {
    if (auto whole = part_->seal(terms_); !whole) return whole;
    if (auto there = publish(*ticket_, *part_, terms_); !there) return there;
  }
  part_.reset();
  ticket_.reset();
  return {};
}

Result<> FormUpload::publish(transfer::UploadTicket ticket, storage::PartFile& part,
                             const storage::PublishTerms& terms) {
  const auto stored = part.publish(terms);
  if (!stored) return stored.error();
  session_->complete_upload(ticket, Clock::now());
  report_(session_->files()[ticket.file].info, stored);
  return {};
}

Task<Result<>> FormUpload::settle() {
  while (!slow_.empty()) {
    auto& file = slow_.front();
    const auto whole = co_await store_.seal(file.part, file.terms);
    if (!whole) co_return whole;
    if (!session_->may_publish(file.ticket)) co_return session_->ending();
    const auto there = publish(file.ticket, file.part, file.terms);
    if (!there) co_return there;
    slow_.pop_front();
  }
  co_return Result<>();
}

/// Of the files that have begun and not ended.
std::vector<transfer::UploadTicket> FormUpload::open_tickets() const {
  std::vector<transfer::UploadTicket> tickets;
  for (const auto& file : slow_) tickets.push_back(file.ticket);
  if (held_) tickets.push_back(held_->ticket);
  if (ticket_) tickets.push_back(*ticket_);
  return tickets;
}

Task<Result<>> FormUpload::hand_over(net::Exchange& exchange) {
  const auto whole = co_await store_.seal(held_->part, held_->terms);
  if (!whole) co_return whole;
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
  for (const auto& ticket : outcome ? std::vector<transfer::UploadTicket>() : open_tickets()) {
    session_->fail_upload(ticket, transfer::Failure::lasting, Clock::now());
    report_(session_->files()[ticket.file].info, outcome.error());
  }
  slow_.clear();
  held_.reset();
  ticket_.reset();
  session_->end_form(outcome.has_value());
}

}  // namespace lsend::app
