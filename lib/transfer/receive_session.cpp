#include "lsend/transfer/receive_session.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace lsend::transfer {
namespace {

/// So long after its sender has left a session is not given away for other files: its next
/// connection may be on its way.
constexpr Duration kOnItsWay = std::chrono::seconds(2);

/// A connection counts from when bytes came, a session from when it heard of them.

Error forbidden() { return fail(Errc::forbidden, std::string(kUploadForbidden)); }

}  // namespace

ReceiveSession::ReceiveSession(SessionId id, PeerAddress sender, Version version,
                               PrepareUpload request, SessionLimits limits, TimePoint now)
    : id_(std::move(id)),
      sender_(std::move(sender)),
      version_(version),
      device_(std::move(request.info)),
      limits_(limits),
      last_event_(now) {
  files_.reserve(request.files.size());
  by_id_.reserve(request.files.size());
  for (auto& info : request.files) {
    by_id_.try_emplace(info.id, files_.size());
    files_.emplace_back().info = std::move(info);
  }
}

Result<PrepareUploadReply> ReceiveSession::accept(std::span<const std::size_t> accepted,
                                                  const RandomText& random, TimePoint now) {
  if (state_ != State::waiting) {
    return fail(Errc::cancelled,
                "the request from " + sender_.str() + " ended before it was decided");
  }
  for (const std::size_t index : accepted) {
    if (index >= files_.size() || files_[index].state != FileState::offered) continue;
    files_[index].state = FileState::pending;
    files_[index].token = Token(random());
    ++open_;
  }
  PrepareUploadReply reply;
  if (!version_.is_v1()) reply.session = id_;
  reply.tokens.reserve(open_);
  for (auto& file : files_) {
    if (file.state == FileState::pending) {
      reply.tokens.emplace_back(file.info.id, file.token);
    } else {
      file.state = FileState::declined;
    }
  }
  state_ = State::active;
  was_active_ = true;
  last_event_ = now;
  settle();
  return reply;
}

void ReceiveSession::decline() {
  if (state_ != State::waiting) return;
  for (auto& file : files_) file.state = FileState::declined;
  state_ = State::declined;
}

Result<UploadTicket> ReceiveSession::begin_upload(const UploadParams& params,
                                                  const PeerAddress& address, TimePoint now) {
  const File* const found = state_ == State::active ? find(params, address) : nullptr;
  if (!found || found->state != FileState::pending) return forbidden();
  if (receiving_ >= limits_.parallel_uploads) {
    return fail(Errc::too_many_requests, sender_.str() + " already has " +
                                             std::to_string(receiving_) +
                                             " uploads running, the limit of a session");
  }
  const auto index = static_cast<std::size_t>(found - files_.data());
  files_[index].state = FileState::receiving;
  if (std::exchange(files_[index].misfit, false)) --misfits_;
  silence_ = Duration{0};
  stalled_ = false;
  ++receiving_;
  touch(now);
  return UploadTicket{index};
}

/// The file that the parameters have the right to, in whatever state it is.
const ReceiveSession::File* ReceiveSession::find(const UploadParams& params,
                                                 const PeerAddress& address) const {
  if (address != sender_) return nullptr;
  const bool same_session = version_.is_v1() ? params.session.empty()
                                             : equal_constant_time(params.session.str(), id_.str());
  const auto found = by_id_.find(params.file);
  if (!same_session || found == by_id_.end()) return nullptr;
  const File& file = files_[found->second];
  const bool right =
      !file.token.empty() && equal_constant_time(params.token.str(), file.token.str());
  return right ? &file : nullptr;
}

std::optional<std::string> ReceiveSession::stored_digest(const UploadParams& params,
                                                         const PeerAddress& address) const {
  const bool told = state_ == State::active || state_ == State::finished;
  const File* const file = told ? find(params, address) : nullptr;
  return file && file->state == FileState::done ? file->info.sha256 : std::nullopt;
}

void ReceiveSession::touch(TimePoint now) { last_event_ = std::max(last_event_, now); }

bool ReceiveSession::may_publish(UploadTicket ticket) const {
  return state_ == State::active && ticket.file < files_.size() &&
         files_[ticket.file].state == FileState::receiving;
}

void ReceiveSession::published(UploadTicket ticket) {
  if (may_publish(ticket)) files_[ticket.file].state = FileState::published;
}

ReceiveSession::File* ReceiveSession::running_upload(UploadTicket ticket) {
  if (ticket.file >= files_.size()) return nullptr;
  File& file = files_[ticket.file];
  const bool runs = file.state == FileState::receiving || file.state == FileState::published;
  return runs ? &file : nullptr;
}

void ReceiveSession::complete_upload(UploadTicket ticket, TimePoint now,
                                     std::optional<std::string> sha256) {
  File* const file = running_upload(ticket);
  if (!file) return;
  file->info.sha256 = std::move(sha256);
  file->state = FileState::done;
  --receiving_;
  --open_;
  touch(now);
  settle();
}

AfterFailure ReceiveSession::fail_upload(UploadTicket ticket, Failure why, TimePoint now,
                                         bool got_on) {
  File* const running = running_upload(ticket);
  if (!running) return AfterFailure::given_up;
  File& file = *running;
  const bool appeared = file.state == FileState::published;
  if (got_on)
    file.attempts = 0;
  else if (file.attempts < std::numeric_limits<std::uint8_t>::max())
    ++file.attempts;
  --receiving_;
  // A silence that has lasted long enough does not begin anew: one more try has to come soon.
  stalled_ = why == Failure::stalled;
  touch(now);
  const bool may_pass = why != Failure::lasting && !appeared;
  if (may_pass && state_ == State::active && file.attempts < limits_.attempts) {
    file.state = FileState::pending;
    file.misfit = why == Failure::misfit;
    misfits_ += file.misfit ? 1 : 0;
    return AfterFailure::may_retry;
  }
  file.state = FileState::failed;
  --open_;
  settle();
  return AfterFailure::given_up;
}

std::vector<std::size_t> ReceiveSession::indices_of(const PrepareUpload& request) const {
  std::vector<std::size_t> indices;
  indices.reserve(request.files.size());
  for (const auto& wanted : request.files) {
    const auto found = by_id_.find(wanted.id);
    if (found != by_id_.end()) indices.push_back(found->second);
  }
  return indices;
}

std::optional<PrepareUploadReply> ReceiveSession::continued(const PrepareUpload& request) const {
  const auto indices = indices_of(request);
  if (state_ != State::active || indices.size() != request.files.size()) return std::nullopt;
  PrepareUploadReply reply;
  reply.session = id_;
  reply.tokens.reserve(indices.size());
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const auto& file = files_[indices[i]];
    const auto& wanted = request.files[i];
    const bool same = file.info.file_name == wanted.file_name && file.info.size == wanted.size &&
                      file.info.sha256 == wanted.sha256 && file.info.modified == wanted.modified;
    if (!same || file.state != FileState::pending) return std::nullopt;
    reply.tokens.emplace_back(wanted.id, file.token);
  }
  return reply;
}

Result<UploadTicket> ReceiveSession::add_file(FileInfo info, TimePoint now) {
  if (!running()) return fail(Errc::cancelled, "the form of " + sender_.str() + " was called off");
  state_ = State::active;
  was_active_ = true;
  form_ = true;
  files_.emplace_back().info = std::move(info);
  files_.back().state = FileState::receiving;
  ++open_;
  ++receiving_;
  touch(now);
  return UploadTicket{files_.size() - 1};
}

void ReceiveSession::set_size(UploadTicket ticket, std::uint64_t size) {
  if (ticket.file < files_.size()) files_[ticket.file].info.size = size;
}

void ReceiveSession::end_form(bool whole) {
  form_ = false;
  decline();
  if (whole) {
    settle();
  } else {
    abort();
  }
}

bool ReceiveSession::cancel(const SessionId* id, const PeerAddress& address) {
  if (!running() || address != sender_) return false;
  const bool named = id != nullptr && equal_constant_time(id->str(), id_.str());
  const bool fits = version_.is_v1() ? id == nullptr
                    : id != nullptr  ? named
                                     : state_ == State::waiting;
  if (!fits) return false;
  state_ = State::cancelled;
  return true;
}

void ReceiveSession::abort(Errc why) {
  if (!running()) return;
  state_ = State::cancelled;
  ending_ = why;
}

Error ReceiveSession::ending() const {
  if (state_ == State::expired) return fail(Errc::timed_out, "nothing came for too long");
  switch (ending_) {
    case Errc::shutting_down:
      return fail(ending_, "lsend is about to end");
    case Errc::timed_out:
      return fail(ending_, "it hardly moved, while another sender waited");
    case Errc::busy:
      return fail(ending_, "its sender has begun anew");
    default:
      return fail(Errc::cancelled, "the session has ended");
  }
}

bool ReceiveSession::gives_way_to(const Fingerprint& proven, const PrepareUpload& request,
                                  TimePoint now) const {
  if (state_ != State::active || form_ || proven_ != proven) return false;
  if (attendance_.silent) return true;
  if (!attendance_.left || receiving_ > 0) return false;
  return request.resume.wanted || offers_again(request) || now - *attendance_.left >= kOnItsWay;
}

/// Files come in the order that they had, so that the first one tells.
bool ReceiveSession::offers_again(const PrepareUpload& request) const {
  if (request.files.empty()) return false;
  const FileInfo& first = request.files.front();
  return std::any_of(files_.begin(), files_.end(), [&first](const File& file) {
    return file.info.size == first.size && file.info.file_name == first.file_name;
  });
}

bool ReceiveSession::expire(TimePoint now) {
  if (!running() || now < deadline()) return false;
  state_ = State::expired;
  return true;
}

TimePoint ReceiveSession::deadline() const {
  if (state_ == State::waiting) return last_event_ + limits_.decision;
  // A running upload has its own stall limit, where its bytes pass.
  if (state_ != State::active || receiving_ > 0) return TimePoint::max();
  auto deadline = last_event_ + limits_.idle + silence_;
  if (attendance_.left)
    deadline = std::min(deadline, std::max(last_event_, *attendance_.left) + limits_.deserted);
  const bool only_misfits = open_ > 0 && misfits_ == open_;
  if (only_misfits || stalled_) deadline = std::min(deadline, last_event_ + limits_.deserted);
  return deadline;
}

ReceiveSession::Totals ReceiveSession::totals() const {
  Totals totals;
  for (const auto& file : files_) {
    if (file.state == FileState::declined) {
      ++totals.declined;
      continue;
    }
    if (file.state != FileState::offered) totals.bytes_accepted += file.info.size;
    if (file.state == FileState::done || file.state == FileState::published) {
      ++totals.done;
      totals.bytes_done += file.info.size;
    } else if (file.state == FileState::failed) {
      ++totals.failed;
    } else {
      ++totals.open;
      if (file.state != FileState::offered) totals.bytes_open += room_of(file.info);
    }
  }
  return totals;
}

void ReceiveSession::settle() {
  if (state_ == State::active && open_ == 0 && !form_) state_ = State::finished;
}

}  // namespace lsend::transfer
