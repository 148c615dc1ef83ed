#include "lib/app/request_reader.hpp"

#include <algorithm>

namespace lsend::app {

namespace {

constexpr std::size_t kMaxPrepare = 64 * 1024 * 1024;
/// All that is held of requests that are being read: one of the largest kind, and some usual ones.
constexpr std::uint64_t kMaxJsonInFlight = 192 * 1024 * 1024;
/// An offer that may be read as a whole before anybody decides about it.
constexpr std::uint64_t kSmallOffer = 64 * 1024;
constexpr std::string_view kByRule = "rule";
constexpr Duration kTellOfLockEvery = std::chrono::seconds(10);

/// A share of the memory that requests may take while they are read. Small ones take none: nobody
/// can keep them out, and the connections bound how many there are.
class JsonBudget {
 public:
  JsonBudget(std::uint64_t& in_flight, std::uint64_t most) : in_flight_(in_flight), most_(most) {}
  JsonBudget(const JsonBudget&) = delete;
  JsonBudget& operator=(const JsonBudget&) = delete;
  ~JsonBudget() { in_flight_ -= bytes_; }

  bool take(std::uint64_t bytes) {
    constexpr std::uint64_t kSmall = 64 * 1024;
    seen_ += bytes;
    const auto due = (seen_ > kSmall ? seen_ - kSmall : 0) - bytes_;
    if (in_flight_ + due > most_) return false;
    in_flight_ += due;
    bytes_ += due;
    return true;
  }

 private:
  std::uint64_t& in_flight_;
  std::uint64_t most_;
  std::uint64_t seen_ = 0;
  std::uint64_t bytes_ = 0;  ///< of these, what counts
};

Error too_many() { return fail(Errc::too_many_requests, "too many requests are being read"); }

Task<> wake_at(TimePoint when, net::Exchange& exchange, bool& come) {
  come = co_await net::sleep_for(std::chrono::ceil<Duration>(when - Clock::now()));
  if (come) exchange.wake();
}

Task<bool> wait_beside_clock(net::TaskGroup& children, TimePoint when, net::Exchange& exchange,
                             bool& come) {
  children.spawn(wake_at(when, exchange, come));
  co_await exchange.until_peer_leaves();
  const bool in_time = come;
  children.cancel();
  co_return in_time;
}

/// False when the sender went away before.
Task<bool> wait_for(TimePoint when, net::Exchange& exchange) {
  bool come = false;
  auto job = [&](net::TaskGroup& children) {
    return wait_beside_clock(children, when, exchange, come);
  };
  const bool waited = co_await net::with_children(std::move(job));
  co_return waited;
}

}  // namespace

DeviceInfo nameless_device(const net::Exchange& exchange) {
  DeviceInfo device;
  device.alias = exchange.peer().str();
  device.device_type = DeviceType::web;
  device.port = 0;
  device.protocol = exchange.scheme();
  if (exchange.peer_fingerprint()) device.fingerprint = *exchange.peer_fingerprint();
  return device;
}

RequestReader::RequestReader(const ReceiveOptions& options, ReceiveBook& book)
    : options_(options),
      book_(book),
      pins_(options.pin ? transfer::PinGuard(*options.pin) : transfer::PinGuard()) {}

Task<Result<>> RequestReader::check_head(const Request& request) {
  auto& exchange = request.exchange;
  const auto given = request.query.get("pin");
  const auto turn = pins_.turn(given, exchange.peer(), Clock::now());
  if (!turn) {
    tell_of_pin(exchange, turn.error());
    co_return turn.error();
  }
  if (*turn > Clock::now()) {
    const bool there = co_await wait_for(*turn, exchange);
    if (!there) co_return fail(Errc::cancelled, "the sender has gone");
  }
  const auto pin = pins_.check(given, exchange.peer(), Clock::now());
  if (!pin) {
    tell_of_pin(exchange, pin.error());
    co_return pin.error();
  }
  const auto& encoding = exchange.head().content_encoding;
  if (!encoding.empty() && encoding != "identity")
    co_return fail(Errc::unsupported_media, "a compressed request body");
  co_return Result<>();
}

/// A wrong PIN is told of each time, one that is not looked at once in ten seconds. A missing one
/// is how a sender learns that it needs one.
void RequestReader::tell_of_pin(const net::Exchange& exchange, const Error& error) {
  if (error.code() == Errc::pin_required) return;
  const auto now = Clock::now();
  if (error.code() == Errc::pin_locked || error.code() == Errc::too_many_requests) {
    if (told_of_lock_ && now - *told_of_lock_ < kTellOfLockEvery) return;
    told_of_lock_ = now;
  }
  RequestEvent event;
  event.device = nameless_device(exchange);
  event.address = exchange.peer().str();
  event.verified = exchange.peer_fingerprint().has_value();
  book_.refused(std::move(event), kByRule, error);
}

Task<Result<>> RequestReader::read_body(const Request& request, net::Exchange::TakeBlock take) {
  const auto fits = co_await check_head(request);
  if (!fits) co_return fits.error();
  const auto read = co_await request.exchange.read_blocks(kMaxPrepare, std::move(take));
  co_return read;
}

Task<Result<std::string>> RequestReader::read_json(const Request& request) {
  // What has come counts, not what is announced: two heads would keep everybody out.
  JsonBudget budget(json_in_flight_, kMaxJsonInFlight);
  std::string text;
  net::Exchange::TakeBlock append = [&](std::string_view block) -> Result<> {
    if (!budget.take(block.size())) return too_many();
    text.append(block);
    return {};
  };
  auto reading = read_body(request, std::move(append));
  const auto read = co_await std::move(reading);
  if (!read) co_return read.error();
  co_return text;
}

/// Is all that may come small? Then nobody is kept waiting by it.
static bool is_small(const net::Exchange& exchange) {
  const auto& length = exchange.head().framing.content_length;
  return length && *length <= kSmallOffer;
}

/// Read while it comes, and only counted where the sender cannot be let in: whoever asks with a
/// hundred thousand files costs what the bytes cost, and stops nobody.
Task<Result<RequestReader::Offer>> RequestReader::read_prepare(
    const Request& request, const protocol::DeviceDefaults& defaults, Declines declines) {
  protocol::JsonLimits limits;
  limits.max_files = options_.limits.max_files;
  using Files = protocol::PrepareDecoder::Files;
  JsonBudget budget(json_in_flight_, kMaxJsonInFlight);
  std::optional<protocol::PrepareDecoder> decoder;
  Offer offer;
  net::Exchange::TakeBlock decode = [&](std::string_view block) -> Result<> {
    // Not before: a PIN is judged first, and the slot may become free meanwhile.
    if (!decoder) {
      offer.kept_out = book_.keeps_out(request.exchange);
      offer.declined =
          !offer.kept_out && !is_small(request.exchange) && declines(request.exchange);
      decoder.emplace(request.route.codec->request_name(), limits,
                      offer.kept_out || offer.declined ? Files::count : Files::keep);
    }
    const auto before = decoder->held();
    auto fed = decoder->feed(block);
    if (fed && !budget.take(decoder->held() - before)) return too_many();
    return fed;
  };
  auto reading = read_body(request, decode);
  const auto read = co_await std::move(reading);
  if (!read) co_return read.error();
  const auto fed = decode({});  // where nothing came
  if (!fed) co_return fed.error();
  auto message = decoder->finish(defaults);
  if (!message) co_return message.error();
  offer.message = std::move(*message);
  offer.files = decoder->files();
  offer.bytes = decoder->bytes();
  co_return offer;
}

}  // namespace lsend::app
