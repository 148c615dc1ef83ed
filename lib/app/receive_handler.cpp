#include "lib/app/receive_handler.hpp"

#include <algorithm>

#include "lib/app/pace.hpp"
#include "lsend/protocol/status.hpp"
#include "lsend/storage/safe_path.hpp"

namespace lsend::app {

namespace {

constexpr std::size_t kMaxPrepare = 64 * 1024 * 1024;
/// All prepare bodies that are being read: one of the largest kind, and some usual ones.
constexpr std::uint64_t kMaxJsonInFlight = 96 * 1024 * 1024;
constexpr std::size_t kBlock = 256 * 1024;
constexpr std::size_t kSmallestBlock = 4 * 1024;
constexpr Duration kProgressEvery{100};
constexpr Version kV1{1, 0};

RequestEvent request_event(const net::Exchange& exchange, const PrepareUpload& message) {
  RequestEvent event;
  event.device = message.info;
  event.address = exchange.peer().str();
  event.verified = exchange.peer_fingerprint().has_value();
  if (event.verified) event.device.fingerprint = *exchange.peer_fingerprint();
  event.files = message.files.size();
  if (const auto total = transfer::total_size(message)) event.bytes = *total;
  return event;
}

/// A share of the memory that requests may take while they are read.
class JsonBudget {
 public:
  JsonBudget(std::uint64_t& in_flight, std::uint64_t bytes) : in_flight_(in_flight), bytes_(bytes) {
    in_flight_ += bytes_;
  }
  JsonBudget(const JsonBudget&) = delete;
  JsonBudget& operator=(const JsonBudget&) = delete;
  ~JsonBudget() { in_flight_ -= bytes_; }

 private:
  std::uint64_t& in_flight_;
  std::uint64_t bytes_;
};

std::string_view end_word(transfer::ReceiveSession::State state) {
  using State = transfer::ReceiveSession::State;
  if (state == State::cancelled) return "cancelled";
  return state == State::expired ? "expired" : "finished";
}

}  // namespace

ReceiveHandler::ReceiveHandler(const Node& node, DeviceHeard heard, const ReceiveOptions& options,
                               const storage::Inbox& inbox, ProgressSink& sink)
    : ApiHandler(node, std::move(heard)),
      options_(options),
      inbox_(inbox),
      sink_(sink),
      pins_(options.pin ? transfer::PinGuard(*options.pin) : transfer::PinGuard()),
      policy_(options.auto_accept, options.limits),
      slot_(1, transfer::SessionLimits(), storage::random_text) {}

// --- prepare-upload

Task<> ReceiveHandler::prepare_upload(Request& request) {
  auto message = co_await read_request(request);
  if (!message) {
    auto error = message.error();
    co_await respond_error(request.exchange, std::move(error));
    co_return;
  }
  auto reply = admit(request, std::move(*message));
  if (!reply) {
    auto error = reply.error();
    co_await respond_error(request.exchange, std::move(error));
  } else if (*reply && !(*reply)->tokens.empty()) {
    auto json = request.route.codec->encode_prepare_reply(**reply);
    const bool heard = co_await respond_json(request.exchange, std::move(json));
    // Who has gone before the answer will send nothing.
    if (!heard) abandon_session(request.exchange.peer());
  } else {
    net::Answer nothing(protocol::kNoContent);
    co_await request.exchange.respond(std::move(nothing));
  }
  finish_request();
}

/// PIN before body (cli.md: PIN, body, busy, rules).
Result<> ReceiveHandler::check_head(const Request& request) {
  const auto& exchange = request.exchange;
  const auto pin = pins_.check(request.query.get("pin"), exchange.peer(), Clock::now());
  if (!pin) return pin.error();
  const auto& encoding = exchange.head().content_encoding;
  if (!encoding.empty() && encoding != "identity")
    return fail(Errc::unsupported_media, "a compressed request body");
  return {};
}

Task<Result<std::string>> ReceiveHandler::read_json(const Request& request) {
  const auto fits = check_head(request);
  if (!fits) co_return fits.error();
  const auto announced = request.exchange.head().framing.content_length;
  const JsonBudget budget(json_in_flight_,
                          std::min<std::uint64_t>(announced.value_or(kMaxPrepare), kMaxPrepare));
  if (json_in_flight_ > kMaxJsonInFlight)
    co_return fail(Errc::too_many_requests, "too many requests are being read");
  auto body = co_await request.exchange.read_all(kMaxPrepare);
  co_return body;
}

Task<Result<PrepareUpload>> ReceiveHandler::read_request(const Request& request) {
  const auto body = co_await read_json(request);
  if (!body) co_return body.error();
  protocol::JsonLimits limits;
  limits.max_files = options_.limits.max_files;
  auto message = request.route.codec->decode_prepare_upload(*body, node().defaults(), limits);
  co_return message;
}

Result<> ReceiveHandler::check_names(const PrepareUpload& message) const {
  for (const auto& file : message.files)
    if (const auto name = storage::clean_file_name(file.file_name); !name) return name.error();
  return {};
}

Result<std::optional<PrepareUploadReply>> ReceiveHandler::admit(const Request& request,
                                                                PrepareUpload message) {
  settle();
  auto event = request_event(request.exchange, message);
  const auto refuse = [&](const Error& error) {
    report_request(event, &error);
    return error;
  };
  const auto now = Clock::now();
  const auto version = request.v1() ? kV1 : kOurVersion;
  const auto session = slot_.open(request.exchange.peer(), version, message, now);
  if (!session) {
    somebody_waits_ = true;
    return refuse(session.error());
  }
  // Whatever refuses from here on frees the slot again.
  const auto decline = [&](const Error& error) {
    (*session)->decline();
    settle();
    return refuse(error);
  };
  if (const auto names = check_names(message); !names) return decline(names.error());
  const auto free = inbox_.free_space();
  if (!free) return decline(free.error());
  const auto expected = still_expected();
  const auto decision = policy_.judge(message, *free > expected ? *free - expected : 0);
  if (!decision) return decline(decision.error());
  if (decision->kind == transfer::Decision::Kind::decline)
    return decline(fail(Errc::declined, "no rule accepts this sender"));
  if (decision->kind == transfer::Decision::Kind::message) {
    (*session)->decline();
    settle();
    deliver_message(request, message);
    return std::optional<PrepareUploadReply>();
  }
  auto reply = (*session)->accept(decision->files, storage::random_text, now);
  if (!reply) return decline(reply.error());
  event.session = (*session)->id().str();
  report_request(event, nullptr);
  progress_.try_emplace((*session)->id(), event.bytes, now);
  return std::optional<PrepareUploadReply>(std::move(*reply));
}

/// What running sessions may still write.
std::uint64_t ReceiveHandler::still_expected() const {
  std::uint64_t bytes = 0;
  for (const auto& session : slot_.sessions()) {
    const auto totals = session->totals();
    bytes += totals.bytes_accepted - std::min(totals.bytes_accepted, totals.bytes_done);
  }
  return bytes;
}

void ReceiveHandler::deliver_message(const Request& request, const PrepareUpload& message) {
  const auto event = request_event(request.exchange, message);
  ++report_.messages;
  ++ended_;
  sink_.on(MessageEvent{event.device, event.address, message.files.front().preview.value_or("")});
}

/// Ends a session that has not begun to move.
void ReceiveHandler::abandon_session(const PeerAddress& sender) {
  for (const auto& session : slot_.sessions()) {
    const auto totals = session->totals();
    if (session->sender() == sender && totals.done + totals.failed == 0) session->abort();
  }
  settle();
}

// --- upload

/// An upload that runs. However it ends, by an exception too, nothing of it stays behind.
class ReceiveHandler::Attempt {
 public:
  Attempt(ReceiveHandler& handler, const transfer::UploadSlot::Upload& upload,
          net::Exchange& exchange)
      : handler_(handler), upload_(upload), exchange_(exchange) {
    handler_.uploads_.push_back(Running{upload_.session, &exchange_});
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    if (ended_) return;
    end();
    upload_.session->fail_upload(upload_.ticket, true, Clock::now());
  }
  void end() {
    ended_ = true;
    std::erase_if(handler_.uploads_,
                  [&](const Running& running) { return running.exchange == &exchange_; });
  }

 private:
  ReceiveHandler& handler_;
  const transfer::UploadSlot::Upload& upload_;
  net::Exchange& exchange_;
  bool ended_ = false;
};

Task<> ReceiveHandler::upload(Request& request) {
  auto& exchange = request.exchange;
  const auto params = protocol::read_upload_params(request.query, !request.v1());
  auto upload = params ? slot_.begin_upload(*params, request.v1(), exchange.peer(), Clock::now())
                       : Result<transfer::UploadSlot::Upload>(params.error());
  if (!upload) {
    auto error = upload.error();
    co_await respond_error(exchange, std::move(error));
    co_return;
  }
  exchange.protect();
  Attempt attempt(*this, *upload, exchange);
  std::uint64_t moved = 0;
  const auto stored = co_await store(exchange, *upload, moved);
  attempt.end();
  const auto now = Clock::now();
  const auto file = upload->ticket.file;
  bool given_up = false;
  if (stored) {
    upload->session->complete_upload(upload->ticket, now);
  } else {
    take_back_progress(*upload->session, moved);
    const auto code = stored.error().code();
    const bool local = code == Errc::io || code == Errc::no_space || code == Errc::name_refused;
    given_up = upload->session->fail_upload(upload->ticket, !local, now) ==
               transfer::AfterFailure::given_up;
  }
  if (stored || given_up) report_file(upload->session->files()[file].info, stored);
  settle();
  if (stored) {
    net::Answer done(protocol::kOk);
    co_await exchange.respond(std::move(done));
  } else {
    auto error = stored.error();
    co_await respond_error(exchange, std::move(error));
  }
  finish_request();
}

Task<Result<storage::StoredFile>> ReceiveHandler::store(net::Exchange& exchange,
                                                        const transfer::UploadSlot::Upload& upload,
                                                        std::uint64_t& moved) {
  const auto& file = upload.session->files()[upload.ticket.file].info;
  const auto& framing = exchange.head().framing;
  if (!framing.chunked && !framing.content_length && file.size > 0)
    co_return fail(Errc::length_required, "an upload without a length");
  if (framing.content_length && *framing.content_length != file.size)
    co_return fail(Errc::size_mismatch, "an upload of another length than announced");
  storage::PublishTerms terms;
  auto name = storage::clean_file_name(file.file_name);
  if (!name) co_return name.error();
  terms.name = std::move(*name);
  terms.size = file.size;
  terms.sha256 = file.sha256;
  terms.modified = file.modified;
  auto part = inbox_.create_part(file.size, options_.checksum || file.sha256);
  if (!part) co_return part.error();
  const auto copied = co_await copy_body(exchange, upload, *part, moved);
  if (!copied) co_return copied.error();
  // A cancel that was answered 200 is never followed by a published file.
  if (!upload.session->may_publish(upload.ticket))
    co_return fail(Errc::cancelled, "the session has ended");
  auto stored = part->commit(terms);
  co_return stored;
}

/// The body, from the socket's buffer to the disk, one block at a time.
Task<Result<>> ReceiveHandler::copy_body(net::Exchange& exchange,
                                         const transfer::UploadSlot::Upload& upload,
                                         storage::PartFile& part, std::uint64_t& moved) {
  const auto& session = upload.session;
  const auto size = session->files()[upload.ticket.file].info.size;
  const auto block =
      static_cast<std::size_t>(std::clamp<std::uint64_t>(size + 64, kSmallestBlock, kBlock));
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(block);
  Pace pace(Clock::now());
  while (true) {
    const auto bytes = co_await exchange.read_body(std::span(buffer.get(), block));
    if (!session->running()) co_return fail(Errc::cancelled, "the session has ended");
    if (!bytes) co_return bytes.error();
    if (*bytes == 0) co_return Result<>();
    auto written = part.write(std::span<const std::byte>(buffer.get(), *bytes));
    if (!written) co_return written;
    moved += *bytes;
    const auto now = Clock::now();
    session->touch(now);
    if (pace.crawls(moved, now) && somebody_waits_)
      co_return fail(Errc::timed_out, "an upload that hardly moves, while another sender waits");
    report_progress(*session, *bytes);
  }
}

// --- cancel and the end of sessions

Task<> ReceiveHandler::cancel(Request& request) {
  const auto text = request.query.get("sessionId");
  const SessionId id(std::string(text.value_or("")));
  const bool named = text && !request.v1();
  const auto ended = slot_.cancel(named ? &id : nullptr, request.v1(), request.exchange.peer());
  if (!ended) {
    auto error = ended.error();
    co_await respond_error(request.exchange, std::move(error));
    co_return;
  }
  if (*ended)
    for (const auto& running : uploads_)
      if (running.session == *ended) running.exchange->wake();
  settle();
  net::Answer answer(protocol::kOk);
  co_await request.exchange.respond(std::move(answer));
  finish_request();
}

void ReceiveHandler::settle() {
  for (const auto& session : slot_.sweep(Clock::now())) session_ended(session);
}

void ReceiveHandler::sweep() {
  settle();
  finish_request();
}

void ReceiveHandler::abort_all() {
  for (const auto& session : slot_.sessions()) session->abort();
  for (const auto& running : uploads_) running.exchange->abort();
  settle();
}

void ReceiveHandler::session_ended(const SessionPtr& session) {
  somebody_waits_ = false;
  progress_.erase(session->id());
  using State = transfer::ReceiveSession::State;
  if (session->state() == State::declined) return;
  const auto totals = session->totals();
  const auto lost = totals.failed + totals.open;
  ++ended_;
  ++report_.sessions;
  report_.files_done += totals.done;
  report_.files_failed += lost;
  report_.bytes += totals.bytes_done;
  SessionEvent event;
  event.session = session->id().str();
  event.device = session->device();
  event.end = end_word(session->state());
  event.done = totals.done;
  event.failed = lost;
  event.bytes = totals.bytes_done;
  sink_.on(event);
}

void ReceiveHandler::finish_request() {
  if (options_.count > 0 && ended_ >= options_.count && on_transfer_end) on_transfer_end();
}

// --- events

void ReceiveHandler::report_request(RequestEvent event, const Error* refused) {
  event.accepted = refused == nullptr;
  if (refused) event.reason = refused->message();
  sink_.on(event);
}

void ReceiveHandler::report_file(const FileInfo& file, const Result<storage::StoredFile>& stored) {
  FileEvent event;
  event.name = file.file_name;
  event.size = file.size;
  if (stored) {
    event.path = stored->path;
    event.sha256 = stored->sha256;
  } else {
    event.status = FileStatus::failed;
    event.error = stored.error();
  }
  sink_.on(event);
}

/// A failed attempt's bytes have to come again.
void ReceiveHandler::take_back_progress(const transfer::ReceiveSession& session,
                                        std::uint64_t bytes) {
  const auto found = progress_.find(session.id());
  if (found != progress_.end()) found->second.take_back(bytes);
}

void ReceiveHandler::report_progress(const transfer::ReceiveSession& session, std::size_t bytes) {
  const auto found = progress_.find(session.id());
  if (found == progress_.end()) return;
  const auto now = Clock::now();
  found->second.add(bytes, now);
  if (now - last_progress_ < kProgressEvery) return;
  last_progress_ = now;
  const auto totals = session.totals();
  ProgressEvent event;
  event.peer = session.device().alias;
  event.bytes = found->second.bytes();
  event.total_bytes = found->second.total();
  event.files = totals.done;
  event.total_files = session.files().size();
  event.bytes_per_second = found->second.bytes_per_second(now);
  event.remaining = found->second.remaining(now);
  sink_.on(event);
}

}  // namespace lsend::app
