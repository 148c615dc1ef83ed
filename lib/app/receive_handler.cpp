#include "lib/app/receive_handler.hpp"

#include <algorithm>

#include "lib/app/hold_back.hpp"
#include "lsend/protocol/repr_digest.hpp"
#include "lsend/protocol/status.hpp"
#include "lsend/transfer/pace.hpp"
#include "lsend/transfer/resume.hpp"

namespace lsend::app {

namespace {

constexpr std::size_t kBlock = 256 * 1024;
constexpr std::size_t kSmallestBlock = 4 * 1024;
/// Up to here a file is written at once when it can be.
constexpr std::uint64_t kSmall = 64 * 1024;
/// So long may bytes wait for the rest of their block.
constexpr Duration kLongestHeld = std::chrono::seconds(1);

/// A sender that is silent between two files has as long as one that is silent within.
transfer::SessionLimits session_limits(const Settings& settings) {
  transfer::SessionLimits limits;
  limits.idle = settings.stall_timeout;
  return limits;
}

transfer::Failure failure_of(Errc code) {
  switch (code) {
    case Errc::io:
    case Errc::no_space:
    case Errc::name_refused:
    case Errc::name_taken:
      return transfer::Failure::lasting;
    case Errc::size_mismatch:
    case Errc::bad_request:
    case Errc::length_required:
    case Errc::checksum_mismatch:
      return transfer::Failure::misfit;
    case Errc::timed_out:
      return transfer::Failure::stalled;
    default:
      return transfer::Failure::passing;
  }
}

}  // namespace

ReceiveHandler::ReceiveHandler(const Node& node, DeviceHeard heard, const ReceiveOptions& options,
                               const Deciders& deciders, const storage::Inbox& inbox,
                               BlockingPool& pool, Hooks& hooks, ProgressSink& sink,
                               OutputRoom& room)
    : ApiHandler(node, std::move(heard)),
      options_(options),
      inbox_(inbox),
      book_(options.max_sessions, options.count, session_limits(node.settings), sink),
      pool_(pool),
      resume_(options, inbox, pool),
      admission_(node.settings.home, options, deciders, inbox, pool, book_, resume_, room),
      store_(options, inbox, pool),
      hooks_(hooks),
      sink_(sink),
      room_(room) {}

Task<std::string> ReceiveHandler::trouble() {
  auto look = [this] { return Result<std::string>(inbox_.trouble().value_or(std::string())); };
  auto why = co_await pool_.run(std::move(look));
  co_return why ? *why : why.error().message();
}

// --- prepare-upload

Task<> ReceiveHandler::prepare_upload(Request& request) {
  auto offer = co_await admission_.read_prepare(request, node().defaults());
  if (!offer || offer->kept_out || offer->declined) {
    auto error = offer ? admission_.turn_away(request.exchange, *offer) : offer.error();
    co_await respond_error(request.exchange, std::move(error));
    co_return;
  }
  auto* message = &offer->message;
  const bool resumable = !request.v1() && message->resume.wanted;
  if (resumable) {
    const bool goes_on = co_await go_on(request.exchange, *message);
    if (goes_on) co_return;
  }
  co_await make_way(request.exchange, *message);
  const auto admitted = co_await admission_.admit(request, std::move(*message));
  if (!admitted) {
    auto error = admitted.error();
    co_await respond_error(request.exchange, std::move(error));
  } else if (!admitted->reply.tokens.empty()) {
    book_.attach(admitted->session, request.exchange);
    auto json = request.route.codec->encode_prepare_reply(admitted->reply);
    const bool heard = co_await respond_json(request.exchange, std::move(json));
    if (!heard) {
      // Who has gone before the answer will send nothing.
      admitted->session->abort();
      book_.settle();
    }
  } else {
    net::Answer nothing(protocol::kNoContent);
    if (admitted->all_present)
      nothing.fields.emplace_back(protocol::kPresent, protocol::kAllPresent);
    co_await request.exchange.respond(std::move(nothing));
  }
  finish_request();
}

// --- upload

/// An upload that runs. However it ends, by an exception too, nothing of it stays behind.
class ReceiveHandler::Attempt {
 public:
  Attempt(ReceiveHandler& handler, const transfer::UploadSlot::Upload& upload,
          net::Exchange& exchange)
      : upload_(upload) {
    entry_.emplace(handler.book_.requests(), upload.session, exchange);
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    if (entry_) upload_.session->fail_upload(upload_.ticket, transfer::Failure::passing, Clock::now());
  }
  void end() { entry_.reset(); }

 private:
  const transfer::UploadSlot::Upload& upload_;
  std::optional<SessionRequests::Entry> entry_;
};

Task<> ReceiveHandler::upload(Request& request) {
  auto& exchange = request.exchange;
  const auto params = protocol::read_upload_params(request.query, !request.v1());
  auto upload =
      params ? book_.slot().begin_upload(*params, request.v1(), exchange.peer(), Clock::now())
             : Result<transfer::UploadSlot::Upload>(params.error());
  if (!upload) {
    auto answer = refuse(upload.error());
    const auto digest = params && !request.v1()
                            ? book_.slot().stored_digest(*params, exchange.peer())
                            : std::nullopt;
    if (digest)
      answer.fields.emplace_back(protocol::kReprDigest, protocol::repr_digest(*digest));
    else
      note_refusal(exchange, upload.error());
    co_await exchange.respond(std::move(answer));
    co_return;
  }
  exchange.protect();
  book_.attach(upload->session, exchange);
  Attempt attempt(*this, *upload, exchange);
  Course course;
  if (room_.full()) {
    // However it ends, what is said next says so.
    (void)co_await hold_back(room_, exchange, upload->session);
  }
  const auto stored = co_await store(exchange, *upload, params->offset, course);
  attempt.end();
  const auto now = Clock::now();
  const auto file = upload->ticket.file;
  bool given_up = false;
  if (stored) {
    book_.file_arrived(*upload->session);
    upload->session->complete_upload(upload->ticket, now, stored->sha256);
  } else {
    book_.take_back(*upload->session, course.from + course.moved);
    const auto why = store_.output_begun() ? transfer::Failure::lasting
                                           : failure_of(stored.error().code());
    given_up = upload->session->fail_upload(upload->ticket, why, now, course.got_on) ==
               transfer::AfterFailure::given_up;
  }
  const auto& info = upload->session->files()[file].info;
  if (stored) {
    this->stored(exchange, *upload->session, info, *stored, course.from);
  } else if (given_up || stored.error().code() == Errc::timed_out) {
    // Whoever was silent for so long hardly comes back; should it, the file is told of again.
    book_.file(info, stored);
  }
  book_.settle();
  if (stored) {
    net::Answer done(protocol::kOk);
    if (stored->sha256)
      done.fields.emplace_back(protocol::kReprDigest, protocol::repr_digest(*stored->sha256));
    co_await exchange.respond(std::move(done));
  } else if (given_up) {
    auto error = stored.error();
    co_await answer_error(exchange, std::move(error));
  } else {
    auto error = stored.error();
    co_await respond_error(exchange, std::move(error));
  }
  finish_request();
}

Task<Result<storage::StoredFile>> ReceiveHandler::store(net::Exchange& exchange,
                                                        const transfer::UploadSlot::Upload& upload,
                                                        std::optional<std::uint64_t> offset,
                                                        Course& course) {
  const auto& file = upload.session->files()[upload.ticket.file].info;
  const auto& framing = exchange.head().framing;
  if (!framing.chunked && !framing.content_length && file.size > 0)
    co_return fail(Errc::length_required, "an upload without a length");
  const auto length = file.size - std::min(file.size, offset.value_or(0));
  if (framing.content_length && *framing.content_length != length)
    co_return fail(Errc::size_mismatch, "an upload of another length than announced");
  auto terms = store_.terms_of(file);
  if (!terms) co_return terms.error();
  auto part = resume_.open(upload, offset, options_.checksum || file.sha256);
  if (!part) co_return part.error();
  course.from = part->written();
  book_.skip(*upload.session, upload.ticket.file, course.from);
  const auto copied = co_await copy_body(exchange, upload, *part, course);
  if (!copied) {
    const auto why = copied.error().code();
    course.got_on = co_await resume_.put_away(*part, upload.session, why, course.moved);
    co_return copied.error();
  }
  transfer::UploadSlot::Upload ticket = upload;
  auto stored = co_await store_.publish(*part, std::move(*terms), std::move(ticket), exchange);
  co_return stored;
}

/// The body, from the socket's buffer to the disk. It is written in whole blocks at multiples of
/// their size: the page cache then takes large folios, which is a quarter of the time. What comes
/// slowly does not wait for the rest of its block, nor does the very beginning.
Task<Result<>> ReceiveHandler::copy_body(net::Exchange& exchange,
                                         const transfer::UploadSlot::Upload& upload,
                                         storage::PartFile& part, Course& course) {
  const auto& session = upload.session;
  const auto size = session->files()[upload.ticket.file].info.size;
  const auto block =
      static_cast<std::size_t>(std::clamp<std::uint64_t>(size + 64, kSmallestBlock, kBlock));
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(block);
  std::size_t room = block - static_cast<std::size_t>(part.written() % block);
  std::size_t filled = 0;
  auto written_at = Clock::now();
  transfer::Pace pace(written_at);
  bool labelled = !part.label();
  while (true) {
    const auto free = std::span(buffer.get() + filled, room - filled);
    const auto bytes = co_await exchange.read_body(free);
    const std::size_t came = bytes ? *bytes : 0;
    filled += came;
    const auto now = Clock::now();
    const bool begins = course.moved == 0 && size > kSmall;
    if (came == 0 || filled == room || begins || now - written_at >= kLongestHeld) {
      // What came before a break is kept as well.
      auto written = part.write(std::span<const std::byte>(buffer.get(), filled));
      if (!written) co_return written;
      filled = 0;
      room = block - static_cast<std::size_t>(part.written() % block);
      written_at = now;
    }
    if (!session->running()) co_return session->ending();
    if (!bytes) co_return bytes.error();
    if (came == 0) co_return Result<>();
    course.moved += came;
    if (!labelled && part.written() >= transfer::kWorthLabelling) {
      // Without one it is lost should we be killed, no more.
      auto label = [&part] { return part.write_label(); };
      (void)co_await pool_.run(std::move(label));
      labelled = true;
    }
    session->touch(now);
    if (pace.crawls(course.moved, now) && book_.somebody_waits(now))
      co_return fail(Errc::timed_out, "an upload that hardly moves, while another sender waits");
    book_.progress(*session, upload.ticket.file, came);
  }
}

// --- cancel and the end of sessions

Task<> ReceiveHandler::cancel(Request& request) {
  const auto text = request.query.get("sessionId");
  const SessionId id(std::string(text.value_or("")));
  const bool named = text && !request.v1();
  const auto ended =
      book_.slot().cancel(named ? &id : nullptr, request.v1(), request.exchange.peer());
  if (!ended) {
    auto error = ended.error();
    co_await respond_error(request.exchange, std::move(error));
    co_return;
  }
  // Who calls it off does not come back for it, unless it says so.
  if (*ended && request.query.get("keep") != "true") (*ended)->forget_parts();
  book_.settle();
  resume_.settle();
  net::Answer answer(protocol::kOk);
  co_await request.exchange.respond(std::move(answer));
  finish_request();
}

void ReceiveHandler::stored(const net::Exchange& exchange, const transfer::ReceiveSession& session,
                            const FileInfo& file, const storage::StoredFile& stored,
                            std::uint64_t from) {
  book_.file(file, stored, from);
  if (!hooks_.any()) return;
  HookFile hook;
  hook.path = stored.path == "-" ? stored.path : (inbox_.folder() / stored.path).string();
  hook.name = file.file_name;
  hook.size = stored.size;
  hook.sha256 = stored.sha256.value_or("");
  hook.alias = session.device().alias;
  hook.address = session.sender().str();
  hook.session = session.id().str();
  if (exchange.peer_fingerprint()) hook.fingerprint = exchange.peer_fingerprint()->str();
  hooks_.run(std::move(hook));
}

Task<> ReceiveHandler::flush_rest() {
  if (!book_.slot().sessions().empty()) co_return;
  const auto flushed = co_await store_.flush_rest();
  if (!flushed) sink_.on(WarningEvent{flushed.error().message()});
}

void ReceiveHandler::sweep() {
  book_.settle();
  resume_.settle();
  finish_request();
}

void ReceiveHandler::abort_all() {
  admission_.stop();
  book_.abort_all();
}

void ReceiveHandler::finish_request() {
  if (options_.count == 0 || book_.ended() < options_.count) return;
  admission_.stop();
  book_.close();
  // Whoever was let in besides those that count is let to end, and whoever is called off hears it.
  const bool over = book_.slot().sessions().empty() && book_.requests().empty();
  if (over && on_transfer_end) on_transfer_end();
}

}  // namespace lsend::app
