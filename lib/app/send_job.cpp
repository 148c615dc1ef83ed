#include "lib/app/send_job.hpp"

#include <algorithm>

#include "lib/app/sources.hpp"
#include "lsend/model/text.hpp"
#include "lsend/protocol/query.hpp"
#include "lsend/protocol/status.hpp"

namespace lsend::app {

namespace {

constexpr Duration kTellPeer = std::chrono::milliseconds(1500);
constexpr Duration kProgressEvery{100};
/// Between two tries at a busy peer (reliability.md 7.3).
constexpr Duration kFirstPause = std::chrono::seconds(1);
constexpr Duration kLongestPause = std::chrono::seconds(15);
constexpr std::size_t kMaxPrepareReply = 8 * 1024 * 1024;

/// Waits between attempts (reliability.md 7.3).
Duration retry_delay(unsigned attempts) {
  return attempts <= 2 ? std::chrono::seconds(1) : std::chrono::seconds(4);
}

std::uint64_t bytes_of(const std::vector<FileInfo>& files) {
  std::uint64_t total = 0;
  for (const auto& file : files) total += file.size;
  return total;
}

/// Keeps something in the list of what an interrupt ends.
template <class T>
class InUse {
 public:
  InUse(std::vector<T*>& list, T* entry) : list_(list), entry_(entry) { list_.push_back(entry_); }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;
  ~InUse() { std::erase(list_, entry_); }

 private:
  std::vector<T*>& list_;
  T* entry_;
};

}  // namespace

SendJob::SendJob(Executor executor, const Node& node, Interrupt& interrupt, Peer peer,
                 Payload payload, const SendOptions& options, ProgressSink& sink)
    : executor_(executor),
      node_(node),
      interrupt_(interrupt),
      peer_(std::move(peer)),
      payload_(std::move(payload)),
      options_(options),
      sink_(sink),
      plan_(payload_.files),
      progress_(bytes_of(payload_.files), Clock::now()) {}

Task<Result<SendReport>> SendJob::run() {
  const auto started = Clock::now();
  const Interrupt::Subscription on_stop(interrupt_, [this] { stop(interrupt_.error()); });
  const auto wanted = co_await prepare();
  if (!wanted) {
    if (asked_) {
      co_await tell_peer();
    }
    co_return stop_reason(wanted.error());
  }
  if (*wanted) {
    progress_ = transfer::Progress(plan_.totals().bytes_total, Clock::now());
    const auto accepted = static_cast<std::size_t>(
        std::count_if(plan_.files().begin(), plan_.files().end(),
                      [](const auto& f) { return f.status == transfer::SendStatus::waiting; }));
    // v1 peers take one file after another (protocol.md 1.2).
    const auto jobs = peer_.info.version.is_v1() || payload_.from_stdin
                          ? std::size_t{1}
                          : std::min<std::size_t>(std::max(1U, options_.jobs), accepted);
    net::TaskGroup group(executor_);
    group.spawn(upload_loop(std::move(first_)));
    for (std::size_t i = 1; i < jobs; ++i) group.spawn(upload_loop(nullptr));
    co_await group.join();
    if (stopped_) abandon_rest();
    // A session that is left open keeps a 1.18 receiver busy for everyone (protocol.md trap 46).
    if (plan_.totals().failed > 0) {
      co_await tell_peer();
    }
    report_progress(0, true);
  }
  co_return report(started);
}

void SendJob::abandon_rest() {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < plan_.files().size(); ++i) {
    const auto status = plan_.files()[i].status;
    if (status == transfer::SendStatus::waiting || status == transfer::SendStatus::sending)
      open.push_back(i);
  }
  plan_.abandon(*stopped_);
  for (const auto file : open) report_file(file);
}

// --- asking

/// True when files are to be uploaded, false when the peer wants nothing (or has read the message).
Task<Result<bool>> SendJob::prepare() {
  PrepareUpload request;
  request.info = node_.self;
  request.files = std::move(payload_.files);
  const auto body = peer_.codec().encode_prepare_upload(request);
  request.files = {};
  const auto give_up = Clock::now() + options_.wait;
  auto pause = kFirstPause;
  while (true) {
    const auto reply = co_await ask(body);
    if (!reply) co_return reply.error();
    asked_ = reply->head.status == protocol::kOk;
    if (asked_) co_return take_grant(reply->body);
    if (reply->head.status == protocol::kNoContent) {
      plan_.nothing_wanted();
      nothing_needed_ = true;
      co_return false;
    }
    auto error = refusal(peer_, *reply, protocol::Action::prepare_upload);
    // With a PIN in play "too many attempts" is its lock-out (reliability.md S7).
    if (options_.pin && error.code() == Errc::too_many_requests)
      error = fail(Errc::pin_locked, error.message());
    if (error.code() != Errc::busy || Clock::now() + pause > give_up) co_return error;
    WaitingEvent waiting;
    waiting.reason = display_name(peer_) + " is busy; trying again";
    sink_.on(waiting);
    co_await pause_for(pause);
    if (stopped_) co_return *stopped_;
    pause = std::min(pause * 2, kLongestPause);
  }
}

/// Sleeps, but hears an interrupt at once.
Task<> SendJob::pause_for(Duration duration) {
  constexpr Duration kStep{50};
  const auto until = Clock::now() + duration;
  while (!stopped_ && Clock::now() < until) {
    co_await net::sleep_for(kStep);
  }
}

Task<Result<ClientPtr>> SendJob::connect() {
  net::Connecting connecting;
  const InUse in_use(connecting_, &connecting);
  auto client = co_await connect_to(node_, peer_, local_address_, &connecting);
  co_return client;
}

/// Which of our files the peer takes.
Result<bool> SendJob::take_grant(const std::string& json) {
  const auto grant = peer_.codec().decode_prepare_reply(json, protocol::JsonLimits());
  if (!grant) return grant.error();
  session_ = grant->session;
  const auto accepted = plan_.accepted(*grant);
  if (!accepted) return accepted.error();
  if (accepted->unknown > 0)
    sink_.on(WarningEvent{"the receiver named " + std::to_string(accepted->unknown) +
                          " files that were never offered; they were ignored"});
  for (std::size_t i = 0; i < plan_.files().size(); ++i)
    if (plan_.files()[i].status == transfer::SendStatus::skipped) report_file(i);
  // An empty map is v1's way to want nothing.
  return accepted->accepted > 0;
}

Task<Result<net::Reply>> SendJob::ask(const std::string& body) {
  auto client = co_await connect();
  if (!client) co_return client.error();
  first_ = std::move(*client);
  if (stopped_) co_return *stopped_;
  const bool again = !local_address_.empty();
  peer_.proven = first_->peer_fingerprint();
  local_address_ = first_->local_address();
  if (!again) report_target();
  const auto& route = protocol::route_to(protocol::Action::prepare_upload, peer_.codec());
  std::string target(route.path);
  if (options_.pin) target += "?pin=" + protocol::percent_encode(*options_.pin);
  net::Call call("POST", std::move(target));
  call.content_type = "application/json";
  call.answer_limit = options_.accept_timeout;
  call.max_answer = std::max(kMaxPrepareReply, plan_.files().size() * 1024);
  WaitingEvent waiting;
  waiting.reason = "waiting for " + display_name(peer_) + " to accept";
  if (!again) sink_.on(waiting);
  const InUse in_use(in_use_, first_.get());
  asked_ = true;
  auto reply = co_await first_->call(std::move(call), body);
  if (!reply && reply.error().code() == Errc::timed_out && !stopped_)
    co_return fail(Errc::timed_out, display_name(peer_) + " did not answer in time");
  co_return reply;
}

void SendJob::report_target() {
  TargetEvent target;
  target.target = options_.target;
  target.device = peer_.info;
  target.endpoint = peer_.endpoint;
  target.verified = peer_.proven && *peer_.proven == peer_.info.fingerprint;
  sink_.on(target);
}

// --- uploading

/// Sends one file after another over one connection, which it opens again when it has to.
Task<> SendJob::upload_loop(ClientPtr client) {
  while (!stopped_) {
    const auto file = plan_.next();
    if (!file) co_return;
    co_await upload_file(client, *file);
    // What was called off is reported with all the rest.
    if (plan_.files()[*file].status != transfer::SendStatus::sending) report_file(*file);
  }
}

Task<> SendJob::upload_file(ClientPtr& client, std::size_t file) {
  while (true) {
    const auto result = co_await upload_once(client, file);
    if (result) {
      plan_.done(file);
      co_return;
    }
    const auto error = stop_reason(result.error());
    const auto next = plan_.failed(file, error);
    if (next == transfer::NextStep::stop_session) stop(error);
    if (next == transfer::NextStep::give_up || next == transfer::NextStep::stop_session) co_return;
    if (stopped_) co_return;
    if (payload_.from_stdin) {
      // What came through a pipe cannot be read a second time.
      plan_.abandon(error);
      co_return;
    }
    if (next == transfer::NextStep::retry_later)
      co_await pause_for(retry_delay(plan_.files()[file].attempts));
  }
}

Task<Result<>> SendJob::upload_once(ClientPtr& client, std::size_t file) {
  if (client && !client->usable()) client.reset();
  if (!client) {
    auto fresh = co_await connect();
    if (!fresh) co_return fresh.error();
    client = std::move(*fresh);
    if (stopped_) co_return *stopped_;
  }
  const auto before = progress_.bytes();
  const InUse in_use(in_use_, client.get());
  const auto reply = co_await send_bytes(*client, file);
  const bool good = reply && reply->head.status == protocol::kOk;
  if (good) co_return Result<>();
  progress_.take_back(std::min(progress_.bytes() - std::min(before, progress_.bytes()),
                               plan_.files()[file].info.size));
  if (!reply) co_return reply.error();
  auto error = refusal(peer_, *reply, protocol::Action::upload);
  // A "201" or "204" is no promise that the file is there (protocol.md trap 22).
  co_return error;
}

Task<Result<net::Reply>> SendJob::send_bytes(net::HttpClient& client, std::size_t file) {
  const auto& info = plan_.files()[file].info;
  const auto& codec = peer_.codec();
  const auto& route = protocol::route_to(protocol::Action::upload, codec);
  std::vector<std::pair<std::string_view, std::string_view>> query;
  if (!peer_.info.version.is_v1()) query.emplace_back("sessionId", session_.str());
  query.emplace_back("fileId", info.id.str());
  query.emplace_back("token", plan_.files()[file].token.str());
  net::Call call("POST", protocol::make_target(route.path, query));
  call.content_type = "application/octet-stream";
  call.answer_limit = node_.settings.stall_timeout;
  const auto source = open_source(file);
  if (!source) co_return source.error();
  net::Moved moved = [this](std::size_t bytes) { report_progress(bytes, false); };
  auto reply = co_await client.upload(std::move(call), **source, info.size, std::move(moved));
  co_return reply;
}

Result<std::unique_ptr<ByteSource>> SendJob::open_source(std::size_t file) const {
  if (payload_.is_message) return std::make_unique<TextSource>(payload_.text);
  if (payload_.from_stdin) return std::make_unique<StdinSource>(plan_.files()[file].info.size);
  auto source = storage::FileSource::open(payload_.local[file]);
  if (!source) return source.error();
  return std::unique_ptr<ByteSource>(std::move(*source));
}

// --- stopping

/// Why something failed, seen from the outside: closed connections are a consequence.
Error SendJob::stop_reason(const Error& error) const {
  return stopped_ && error.code() == Errc::cancelled ? *stopped_ : error;
}

void SendJob::stop(const Error& reason) {
  if (!stopped_) stopped_ = reason;
  const auto clients = in_use_;
  for (auto* client : clients) client->abort();
  for (auto* connecting : connecting_)
    if (connecting->abort) connecting->abort();
}

bool SendJob::cancelled_by_peer(const std::string& session, const PeerAddress& from) {
  const bool ours =
      from.str() == peer_.endpoint.host &&
      (peer_.info.version.is_v1() || (!session_.empty() && session == session_.str()));
  if (ours) stop(fail(Errc::declined, display_name(peer_) + " cancelled the transfer"));
  return ours;
}

Task<> SendJob::tell_peer() {
  first_.reset();
  co_await cancel_at(node_, peer_, session_, local_address_, kTellPeer);
}

// --- reporting

void SendJob::report_file(std::size_t file) {
  const auto& entry = plan_.files()[file];
  FileEvent event;
  event.name = entry.info.file_name;
  event.size = entry.info.size;
  event.error = entry.error;
  switch (entry.status) {
    case transfer::SendStatus::done:
      event.status = FileStatus::done;
      event.sha256 = entry.info.sha256;
      break;
    case transfer::SendStatus::skipped:
      event.status = FileStatus::declined;
      break;
    default:
      event.status = FileStatus::failed;
  }
  sink_.on(event);
}

void SendJob::report_progress(std::size_t bytes, bool force) {
  const auto now = Clock::now();
  progress_.add(bytes, now);
  if (!force && now - last_progress_ < kProgressEvery) return;
  last_progress_ = now;
  const auto totals = plan_.totals();
  ProgressEvent event;
  event.peer = peer_.info.alias;
  event.bytes = progress_.bytes();
  event.total_bytes = progress_.total();
  event.files = totals.done;
  event.total_files = plan_.files().size() - totals.skipped;
  event.bytes_per_second = progress_.bytes_per_second(now);
  event.remaining = progress_.remaining(now);
  sink_.on(event);
}

SendReport SendJob::report(TimePoint started) const {
  const auto totals = plan_.totals();
  SendReport report;
  report.device = peer_.info;
  report.endpoint = peer_.endpoint;
  report.done = totals.done;
  report.skipped = totals.skipped;
  report.failed = totals.failed;
  report.bytes_done = totals.bytes_done;
  report.bytes_total = totals.bytes_total;
  report.message = payload_.is_message;
  report.elapsed = std::chrono::duration_cast<Duration>(Clock::now() - started);
  const auto verdict = plan_.verdict();
  report.success = verdict.has_value() || nothing_needed_;
  if (report.success) return report;
  report.failure = verdict.error();
  if (!stopped_) return report;
  const bool by_user =
      stopped_->code() == Errc::interrupted || stopped_->code() == Errc::terminated;
  // What arrived has arrived: a transfer that was cut short is a partial one.
  if (by_user || totals.done == 0) report.failure = *stopped_;
  return report;
}

}  // namespace lsend::app
