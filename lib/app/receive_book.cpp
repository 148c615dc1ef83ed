#include "lib/app/receive_book.hpp"

#include <algorithm>

#include "lsend/model/log.hpp"
#include "lsend/model/network.hpp"
#include "lsend/model/text.hpp"
#include "lsend/storage/sha256.hpp"

namespace lsend::app {

namespace {

constexpr Duration kProgressEvery{100};
constexpr Duration kTellEvery{900};
constexpr std::size_t kShownFiles = 4;
/// A sender that was told "busy" asks again sooner than that.
constexpr Duration kStillWaits = std::chrono::minutes(1);
/// The book is settled each second (receive.cpp).
constexpr Duration kStoodStill = std::chrono::seconds(5);

std::string_view end_word(transfer::ReceiveSession::State state) {
  using State = transfer::ReceiveSession::State;
  if (state == State::cancelled) return "cancelled";
  return state == State::expired ? "expired" : "finished";
}

}  // namespace

ReceiveBook::ReceiveBook(std::size_t max_sessions, std::size_t count,
                         transfer::SessionLimits limits, ProgressSink& sink)
    : sink_(sink), count_(count), slot_(max_sessions, limits, storage::random_text), idle_(limits.idle) {}

std::uint64_t ReceiveBook::still_expected() const {
  std::uint64_t bytes = 0;
  for (const auto& session : slot_.sessions()) {
    bytes += session->totals().bytes_open;
  }
  return bytes;
}

// --- sessions

Result<ReceiveBook::SessionPtr> ReceiveBook::open(const PeerAddress& sender, const Version& version,
                                                  const PrepareUpload& request, TimePoint now) {
  if (closed_)
    return fail(Errc::shutting_down, "no more transfers are taken: lsend is about to end");
  auto session = slot_.open(sender, version, request, now);
  if (!session) told_busy_ = now;
  return session;
}

bool ReceiveBook::keeps_out(const net::Exchange& exchange) const {
  return !closed_ && slot_.keeps_out(exchange.peer_fingerprint());
}

Error ReceiveBook::busy_for(const PeerAddress& sender, TimePoint now) {
  // The slot may have become free while the offer came in.
  if (slot_.busy()) told_busy_ = now;
  return slot_.busy_for(sender);
}

void ReceiveBook::attach(const SessionPtr& session, net::Exchange& exchange) {
  contacts_.add(*session, exchange.contact());
  exchange.await_next(idle_);
}

ReceiveBook::SessionPtr ReceiveBook::giving_way_to(const Fingerprint& proven,
                                                   const PrepareUpload& request, TimePoint now) {
  for (const auto& session : slot_.sessions())
    if (session->proven() == proven) session->attend(contacts_.of(*session, true));
  return slot_.giving_way_to(proven, request, now);
}

bool ReceiveBook::somebody_waits(TimePoint now) const {
  return closed_ || (told_busy_ && now - *told_busy_ < kStillWaits);
}

void ReceiveBook::close() {
  if (std::exchange(closed_, true)) return;
  for (const auto& session : slot_.sessions())
    if (!session->was_active()) session->abort(Errc::shutting_down);
  settle();
}

void ReceiveBook::settle() {
  const auto now = Clock::now();
  // A stopped process has heard nobody: what came meanwhile is read before anyone is judged.
  if (settled_ && now - *settled_ > kStoodStill) slot_.rearm(now);
  settled_ = now;
  end_crawling(now);
  for (const auto& session : slot_.sessions()) session->attend(contacts_.of(*session));
  for (const auto& session : slot_.sweep(now)) session_ended(session);
  requests_.wake_ended();
  if (now - last_progress_ < kTellEvery) return;
  // So that one sees that nothing moves.
  for (const auto& session : slot_.sessions()) {
    const auto watched = progress_.find(session->id());
    if (watched != progress_.end()) show_progress(*session, watched->second, now);
  }
}

/// A session that hardly moves goes when somebody else waits, however it keeps itself alive.
void ReceiveBook::end_crawling(TimePoint now) {
  for (const auto& session : slot_.sessions()) {
    const auto watched = progress_.find(session->id());
    if (watched == progress_.end() || !session->running()) continue;
    const bool crawls = watched->second.pace.crawls(watched->second.moved, now);
    if (crawls && somebody_waits(now)) session->abort(Errc::timed_out);
  }
}

void ReceiveBook::abort_all() {
  for (const auto& session : slot_.sessions()) session->abort(Errc::shutting_down);
  requests_.abort_active();
  settle();
}

void ReceiveBook::session_ended(const SessionPtr& session) {
  told_busy_.reset();
  progress_.erase(session->id());
  contacts_.forget(*session);
  if (!session->was_active()) return;
  const auto totals = session->totals();
  const auto lost = totals.failed + totals.open;
  // What its sender has begun anew is no transfer of its own for --once and --count.
  const bool counts = !session->gave_way();
  if (counts) ++ended_;
  ++report_.sessions;
  report_.files_done += totals.done;
  report_.files_failed += lost;
  if (counts && (count_ == 0 || ended_ <= count_)) report_.counted_failed += lost;
  report_.bytes += totals.bytes_done;
  SessionEvent event;
  event.session = session->id().str();
  event.device = session->device();
  event.end = end_word(session->state());
  event.done = totals.done;
  event.failed = lost;
  event.bytes = totals.bytes_done;
  log(LogLevel::info, session->sender().str() + ": session " + event.end + ", " +
                          std::to_string(event.done) + " files done, " +
                          std::to_string(event.failed) + " not");
  sink_.on(event);
}

// --- events

void ReceiveBook::accepted(RequestEvent event, const SessionPtr& session, std::string_view by,
                           const Equals& equals) {
  const auto totals = session->totals();
  // A form's files are still to come.
  const auto bytes = session->files().empty() ? event.bytes : totals.bytes_accepted;
  progress_.try_emplace(session->id(), bytes, Clock::now());
  log(LogLevel::info, event.address + ": accepted " + std::to_string(totals.open) + " files, " +
                          format_size(bytes) + ", from " + escape_for_terminal(event.device.alias) +
                          " (" + std::string(by) + ")");
  DecisionEvent decision;
  decision.request = std::move(event);
  decision.accepted = true;
  decision.by = by;
  decision.files = totals.open;
  sink_.on(decision);
  for (std::size_t index = 0; index < session->files().size(); ++index) {
    const auto& file = session->files()[index];
    if (file.state != transfer::FileState::declined) continue;
    FileEvent left_out;
    left_out.status = FileStatus::declined;
    left_out.name = file.info.file_name;
    left_out.size = file.info.size;
    if (const auto equal = equals.find(index); equal != equals.end()) {
      left_out.status = FileStatus::skipped;
      left_out.path = equal->second;
      left_out.sha256 = file.info.sha256;
    }
    sink_.on(left_out);
  }
}

void ReceiveBook::refused(RequestEvent event, std::string_view by, const Error& error) {
  const auto news = refusals_.take(counted_network(PeerAddress(event.address)), Clock::now());
  if (news.untold > 0)
    sink_.on(WarningEvent{std::to_string(news.untold) + " more refused requests were not told"});
  if (!news.tell) return;
  DecisionEvent decision;
  decision.request = std::move(event);
  decision.by = by;
  decision.error = error;
  sink_.on(decision);
}

void ReceiveBook::message(const RequestEvent& from, std::string_view by, std::string text) {
  ++report_.messages;
  ++ended_;
  DecisionEvent decision;
  decision.request = from;
  decision.accepted = true;
  decision.by = by;
  sink_.on(decision);
  sink_.on(MessageEvent{from.device, from.address, std::move(text)});
}

void ReceiveBook::file(const FileInfo& file, const Result<storage::StoredFile>& stored,
                       std::uint64_t from) {
  FileEvent event;
  event.name = file.file_name;
  event.size = file.size;
  if (stored) {
    event.path = stored->path;
    event.sha256 = stored->sha256;
    if (from > 0) event.resumed_from = from;
  } else {
    const auto code = stored.error().code();
    const bool unwanted = code == Errc::declined || code == Errc::name_taken;
    event.status = unwanted ? FileStatus::declined : FileStatus::failed;
    event.error = stored.error();
    log(LogLevel::info,
        "'" + escape_for_terminal(file.file_name) + "' failed: " + stored.error().message());
  }
  sink_.on(event);
}

void ReceiveBook::take_back(const transfer::ReceiveSession& session, std::uint64_t bytes) {
  const auto found = progress_.find(session.id());
  if (found != progress_.end()) found->second.progress.take_back(bytes);
}

void ReceiveBook::skip(const transfer::ReceiveSession& session, std::size_t file,
                       std::uint64_t bytes) {
  const auto found = progress_.find(session.id());
  if (found == progress_.end()) return;
  // Of an earlier attempt nothing counts.
  found->second.active.forget(file);
  if (bytes == 0) return;
  found->second.progress.skip(bytes);
  const auto& info = session.files()[file].info;
  found->second.active.moved(file, info.file_name, info.size, bytes, Clock::now());
}

void ReceiveBook::progress(const transfer::ReceiveSession& session, std::optional<std::size_t> file,
                           std::size_t bytes) {
  const auto found = progress_.find(session.id());
  if (found == progress_.end()) return;
  const auto now = Clock::now();
  auto& watched = found->second;
  watched.progress.add(bytes, now);
  watched.moved += bytes;
  if (file) {
    const auto& info = session.files()[*file].info;
    watched.active.moved(*file, info.file_name, info.size, bytes, now);
  }
  if (now - last_progress_ >= kProgressEvery) show_progress(session, watched, now);
}

void ReceiveBook::file_arrived(const transfer::ReceiveSession& session) {
  constexpr std::uint64_t kWorth = 4096;
  const auto found = progress_.find(session.id());
  if (found != progress_.end()) found->second.moved += kWorth;
}

void ReceiveBook::show_progress(const transfer::ReceiveSession& session, const Watched& watched,
                                TimePoint now) {
  last_progress_ = now;
  const auto totals = session.totals();
  ProgressEvent event;
  event.peer = session.device().alias;
  event.bytes = watched.progress.bytes();
  event.total_bytes = watched.progress.total();
  event.files = totals.done;
  event.total_files = totals.done + totals.failed + totals.open;
  event.bytes_per_second = watched.progress.bytes_per_second(now);
  event.remaining = watched.progress.remaining(now);
  event.stalled = watched.progress.stalled(now);
  if (event.total_files > 1) event.active = watched.active.show(kShownFiles, now);
  sink_.on(event);
}

}  // namespace lsend::app
