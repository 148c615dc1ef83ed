#include "lib/app/receive_admission.hpp"

#include <algorithm>

#include "lib/app/existing_files.hpp"
#include "lib/app/hold_back.hpp"
#include "lsend/model/log.hpp"
#include "lsend/storage/safe_path.hpp"
#include "lsend/storage/sha256.hpp"

namespace lsend::app {

namespace {

constexpr Version kV1{1, 0};
constexpr std::string_view kByRule = "rule";
constexpr std::string_view kBySender = "sender";

/// The files that --allow and --deny let through. Errc::name_refused for any that has no place in
/// the folder.
Result<std::vector<std::size_t>> passing_files(const PrepareUpload& message,
                                               const transfer::FileFilter& filter) {
  const bool all = is_message(message) || (filter.allow.empty() && filter.deny.empty());
  std::vector<std::size_t> offered;
  offered.reserve(message.files.size());
  for (std::size_t i = 0; i < message.files.size(); ++i) {
    const auto name = storage::clean_file_name(message.files[i].file_name);
    if (!name) return name.error();
    if (all || filter.passes(storage::join_components(*name))) offered.push_back(i);
  }
  return offered;
}

}  // namespace

ReceiveAdmission::ReceiveAdmission(const storage::Home& home, const ReceiveOptions& options,
                                   const Deciders& deciders, const storage::Inbox& inbox,
                                   BlockingPool& pool, ReceiveBook& book, ReceiveResume& resume,
                                   OutputRoom& room)
    : options_(options),
      inbox_(inbox),
      pool_(pool),
      book_(book),
      resume_(resume),
      reader_(options, book),
      acceptance_(home, options, deciders, book.requests(), pool,
                  [&book](const std::string& message) { book.warn(message); }),
      room_(room) {
  resume_.still_expected = [&book] { return book.still_expected(); };
}

/// Files that are there need not come, a program is told of digests, and what goes to a pipe cannot
/// be taken back: these know a file by its digest before it comes.
protocol::Ability ReceiveAdmission::ability() const {
  const bool looks = options_.conflict == storage::Conflict::skip ||
                     !options_.accept_exec.empty() || !options_.output.empty();
  return {options_.checksum && !looks};
}

/// A session that waits for its admission. Whatever refuses it, an exception too, frees the slot.
class ReceiveAdmission::Opened {
 public:
  Opened(ReceiveBook& book, SessionPtr session, RequestEvent event)
      : book_(book), session_(std::move(session)), event_(std::move(event)) {
    event_.session = session_->id().str();
    book_.requested(event_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() {
    if (!kept_) close();
  }

  const SessionPtr& session() const { return session_; }
  const RequestEvent& event() const { return event_; }
  void close() {
    session_->decline();
    book_.settle();
  }
  void accept(std::string_view by, const ReceiveBook::Equals& equals = {}) {
    kept_ = true;
    book_.accepted(event_, session_, by, equals);
  }
  Error refuse(std::string_view by, Error error) {
    close();
    book_.refused(event_, by, error);
    return error;
  }

 private:
  ReceiveBook& book_;
  SessionPtr session_;
  RequestEvent event_;
  bool kept_ = false;
};

RequestEvent ReceiveAdmission::describe(const net::Exchange& exchange,
                                        const PrepareUpload& message) {
  RequestEvent event;
  event.device = message.info;
  event.address = exchange.peer().str();
  event.verified = exchange.peer_fingerprint().has_value();
  if (event.verified) event.device.fingerprint = *exchange.peer_fingerprint();
  event.standing = acceptance_.standing(exchange, message.info);
  event.message = is_message(message);
  event.files = message.files.size();
  // A form tells no more than its length.
  if (message.files.empty())
    event.bytes = exchange.head().framing.content_length.value_or(0);
  else if (const auto total = transfer::total_size(message))
    event.bytes = *total;
  return event;
}

/// A disk without holes has no use for what is said of them.
Task<Result<ReceiveAdmission::Offer>> ReceiveAdmission::read_prepare(
    const Request& request, const protocol::DeviceDefaults& defaults) {
  RequestReader::Declines declines = [this](const net::Exchange& exchange) {
    return acceptance_.only_declines(exchange);
  };
  auto reading = reader_.read_prepare(request, defaults, std::move(declines));
  auto offer = co_await std::move(reading);
  if (!offer) co_return offer;
  // Holes that are not worth it would only be work at each file.
  constexpr std::uint64_t kWorth = 64 * 1024;
  for (auto& file : offer->message.files) {
    const auto allocated = std::min(file.allocated.value_or(file.size), file.size);
    if (!inbox_.keeps_holes() || file.size - allocated < kWorth) file.allocated.reset();
  }
  co_return offer;
}

/// What broken transfers left may be much to look at.
Task<ReceiveAdmission::Here> ReceiveAdmission::look(const net::Exchange& exchange,
                                                    const PrepareUpload& message) {
  const bool counts = options_.limits.max_size.has_value();
  auto list = [this, &exchange, &message, counts] {
    Here here;
    here.kept = resume_.kept_bytes(exchange, message);
    if (counts) {
      const auto all = inbox_.leftover();
      // Without the beginnings of the very files that come again.
      here.leftover = all - std::min(all, here.kept);
    }
    return Result<Here>(here);
  };
  Here here;
  if (!counts && !resume_.is_for(exchange, message)) co_return here;
  const auto found = co_await pool_.run(std::move(list));
  if (found) here = *found;
  co_return here;
}

Result<> ReceiveAdmission::check(const PrepareUpload& message, const Here& here) const {
  const auto free = inbox_.free_space();
  if (!free) return free.error();
  // What has arrived of it has left the free space already.
  const auto expected = book_.still_expected();
  const auto more = expected - std::min(expected, inbox_.bytes_arriving());
  // What lies here already needs no room a second time.
  const auto room = *free + here.kept;
  return transfer::check_limits(message, options_.limits, room - std::min(room, more),
                                here.leftover);
}

/// On a thread where there are many: their names take their time.
Task<Result<std::vector<std::size_t>>> ReceiveAdmission::passing(const PrepareUpload& message) {
  constexpr std::size_t kMany = 1000;
  if (message.files.size() < kMany) co_return passing_files(message, options_.filter);
  auto work = [&message, filter = options_.filter] { return passing_files(message, filter); };
  auto passing = co_await pool_.run(std::move(work));
  co_return passing;
}

/// While nobody reads what is told, no transfer begins: it would have to be told.
Task<Result<>> ReceiveAdmission::wait_for_room(net::Exchange& exchange, SessionPtr session) {
  if (!room_.full()) co_return Result<>();
  const SessionRequests::Entry entry(book_.requests(), session, exchange);
  exchange.protect();
  const bool free = co_await hold_back(room_, exchange, session);
  if (free && session->running()) co_return Result<>();
  if (stopping_) co_return fail(Errc::shutting_down, "lsend takes no more transfers");
  co_return fail(Errc::cancelled, "the sender has gone or called it off");
}

Error ReceiveAdmission::turn_away(const net::Exchange& exchange, const Offer& offer) {
  auto event = describe(exchange, offer.message);
  event.files = offer.files;
  event.bytes = offer.bytes;
  if (offer.declined) book_.requested(event);
  auto why = offer.declined ? acceptance_.declined_by_rule(event)
                            : book_.busy_for(exchange.peer(), Clock::now());
  book_.refused(std::move(event), kByRule, why);
  return why;
}

Task<Result<ReceiveAdmission::Admitted>> ReceiveAdmission::admit(const Request& request,
                                                                 PrepareUpload message) {
  book_.settle();
  auto& exchange = request.exchange;
  auto event = describe(exchange, message);
  const auto version = request.v1() ? kV1 : kOurVersion;
  const auto session = book_.open(exchange.peer(), version, message, Clock::now());
  if (!session) {
    book_.refused(std::move(event), kByRule, session.error());
    co_return session.error();
  }
  if (exchange.peer_fingerprint()) (*session)->prove(*exchange.peer_fingerprint());
  Opened opened(book_, *session, std::move(event));
  auto offered = co_await passing(message);
  if (!offered) co_return opened.refuse(kByRule, offered.error());
  const auto room = co_await wait_for_room(exchange, *session);
  if (!room) co_return opened.refuse(kByRule, room.error());
  const auto here = co_await look(exchange, message);
  const auto fits = check(message, here);
  if (!fits) co_return opened.refuse(kByRule, fits.error());
  if (offered->empty()) {
    const auto why =
        opened.refuse(kByRule, fail(Errc::declined, "no file passes --allow and --deny"));
    log_refusal(exchange.peer().str(), "refused: " + why.message(), Clock::now());
    co_return Admitted();
  }
  RequestEvent asked = opened.event();
  const auto outcome =
      co_await acceptance_.decide(exchange, *session, std::move(asked), std::move(*offered));
  if (!outcome.accepted) co_return opened.refuse(outcome.by, outcome.refusal);
  Admitted admitted;
  admitted.session = *session;
  if (opened.event().message) {
    opened.close();
    book_.message(opened.event(), outcome.by, message.files.front().preview.value_or(""));
    co_return admitted;
  }
  std::vector<std::size_t> accepted = outcome.files;
  auto wanted =
      co_await find_wanted(options_, inbox_, pool_, *session, std::move(accepted), exchange);
  if (!wanted)
    co_return opened.refuse(wanted.error().code() == Errc::cancelled ? kBySender : kByRule,
                            wanted.error());
  const bool nothing_may_come = wanted->files.empty() && !wanted->left_out.empty() &&
                                options_.conflict != storage::Conflict::skip;
  if (nothing_may_come)
    co_return opened.refuse(kByRule, fail(Errc::name_taken, "all of its names are taken"));
  ReceiveResume::Points points;
  const bool resumes = resume_.is_for(exchange, message) && !request.v1();
  if (resumes) {
    resume_.admit(*session, *exchange.peer_fingerprint());
    std::vector<std::size_t> files = wanted->files;
    points = co_await resume_.state(*session, std::move(files));
  }
  // Another session may have begun meanwhile; from here on nothing waits.
  const auto still_fits = check(message, here);
  if (!still_fits) co_return opened.refuse(kByRule, still_fits.error());
  auto reply = (*session)->accept(wanted->files, storage::random_text, Clock::now());
  if (!reply) co_return opened.refuse(kByRule, reply.error());
  admitted.reply = std::move(*reply);
  admitted.reply.resumes = resumes;
  admitted.reply.points = std::move(points);
  ReceiveBook::Equals equals;
  for (auto& left : wanted->left_out) {
    if (left.path.empty()) continue;
    admitted.reply.present.push_back((*session)->files()[left.file].info.id);
    equals.emplace(left.file, std::move(left.path));
  }
  admitted.all_present = equals.size() == (*session)->files().size();
  opened.accept(outcome.by, equals);
  // Nothing is left to come: it has ended, and counts.
  if (wanted->files.empty()) book_.settle();
  co_return admitted;
}

Task<Result<ReceiveAdmission::SessionPtr>> ReceiveAdmission::admit_form(const Request& request) {
  book_.settle();
  auto& exchange = request.exchange;
  PrepareUpload nothing;
  nothing.info = nameless_device(exchange);
  auto event = describe(exchange, nothing);
  const auto session = book_.open(exchange.peer(), kOurVersion, nothing, Clock::now());
  if (!session) {
    book_.refused(std::move(event), kByRule, session.error());
    co_return session.error();
  }
  Opened opened(book_, *session, std::move(event));
  const auto room = co_await wait_for_room(exchange, *session);
  if (!room) co_return opened.refuse(kByRule, room.error());
  RequestEvent asked = opened.event();
  std::vector<std::size_t> none;
  const auto outcome =
      co_await acceptance_.decide(exchange, *session, std::move(asked), std::move(none));
  if (!outcome.accepted) co_return opened.refuse(outcome.by, outcome.refusal);
  (*session)->touch(Clock::now());
  opened.accept(outcome.by);
  co_return *session;
}

bool ReceiveAdmission::may_move(const net::Exchange& exchange,
                                const transfer::ReceiveSession& session) {
  RequestEvent event;
  event.standing = acceptance_.standing(exchange, session.device());
  return acceptance_.rule(exchange, event) != transfer::Ruling::decline;
}

void ReceiveAdmission::form_failed(const Request& request, const SessionPtr& session,
                                   const Error& error) {
  PrepareUpload nothing;
  nothing.info = nameless_device(request.exchange);
  auto event = describe(request.exchange, nothing);
  event.session = session->id().str();
  book_.refused(std::move(event), kByRule, error);
}

}  // namespace lsend::app
