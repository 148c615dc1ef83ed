#include "lib/app/receive_admission.hpp"

#include <algorithm>

#include "lsend/storage/sha256.hpp"
#include "lsend/storage/safe_path.hpp"

namespace lsend::app {

namespace {

constexpr std::size_t kMaxPrepare = 64 * 1024 * 1024;
/// All prepare bodies that are being read: one of the largest kind, and some usual ones.
constexpr std::uint64_t kMaxJsonInFlight = 96 * 1024 * 1024;
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

Error no_rule() { return fail(Errc::declined, "no rule accepts this sender"); }

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

RequestEvent form_event(const net::Exchange& exchange) {
  RequestEvent event;
  event.device = nameless_device(exchange);
  event.address = exchange.peer().str();
  event.verified = exchange.peer_fingerprint().has_value();
  event.bytes = exchange.head().framing.content_length.value_or(0);
  return event;
}

ReceiveAdmission::ReceiveAdmission(const ReceiveOptions& options, const storage::Inbox& inbox,
                                   ReceiveBook& book)
    : options_(options),
      inbox_(inbox),
      book_(book),
      pins_(options.pin ? transfer::PinGuard(*options.pin) : transfer::PinGuard()),
      policy_(options.auto_accept, options.limits) {}

// --- PIN and body

Result<> ReceiveAdmission::check_head(const Request& request) {
  const auto& exchange = request.exchange;
  const auto pin = pins_.check(request.query.get("pin"), exchange.peer(), Clock::now());
  if (!pin) return pin.error();
  const auto& encoding = exchange.head().content_encoding;
  if (!encoding.empty() && encoding != "identity")
    return fail(Errc::unsupported_media, "a compressed request body");
  return {};
}

Task<Result<std::string>> ReceiveAdmission::read_json(const Request& request) {
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

Task<Result<PrepareUpload>> ReceiveAdmission::read_prepare(
    const Request& request, const protocol::DeviceDefaults& defaults) {
  const auto body = co_await read_json(request);
  if (!body) co_return body.error();
  protocol::JsonLimits limits;
  limits.max_files = options_.limits.max_files;
  auto message = request.route.codec->decode_prepare_upload(*body, defaults, limits);
  co_return message;
}

// --- busy and rules

Result<> ReceiveAdmission::check_names(const PrepareUpload& message) const {
  for (const auto& file : message.files)
    if (const auto name = storage::clean_file_name(file.file_name); !name) return name.error();
  return {};
}

Result<transfer::Decision> ReceiveAdmission::judge(const PrepareUpload& message) const {
  if (const auto names = check_names(message); !names) return names.error();
  const auto free = inbox_.free_space();
  if (!free) return free.error();
  const auto expected = book_.still_expected();
  return policy_.judge(message, *free > expected ? *free - expected : 0);
}

Result<std::optional<PrepareUploadReply>> ReceiveAdmission::admit(const Request& request,
                                                                  PrepareUpload message) {
  book_.settle();
  auto event = request_event(request.exchange, message);
  const auto refuse = [&](const Error& error) {
    book_.refused(event, error);
    return error;
  };
  const auto now = Clock::now();
  const auto version = request.v1() ? kV1 : kOurVersion;
  const auto session = book_.open(request.exchange.peer(), version, message, now);
  if (!session) return refuse(session.error());
  // Whatever refuses from here on frees the slot again.
  const auto decline = [&](const Error& error) {
    (*session)->decline();
    book_.settle();
    return refuse(error);
  };
  const auto decision = judge(message);
  if (!decision) return decline(decision.error());
  if (decision->kind == transfer::Decision::Kind::decline) return decline(no_rule());
  if (decision->kind == transfer::Decision::Kind::message) {
    (*session)->decline();
    book_.settle();
    book_.message(event, message.files.front().preview.value_or(""));
    return std::optional<PrepareUploadReply>();
  }
  auto reply = (*session)->accept(decision->files, storage::random_text, now);
  if (!reply) return decline(reply.error());
  book_.accepted(std::move(event), *session, now);
  return std::optional<PrepareUploadReply>(std::move(*reply));
}

Result<ReceiveAdmission::SessionPtr> ReceiveAdmission::admit_form(const Request& request) {
  book_.settle();
  auto event = form_event(request.exchange);
  const auto refuse = [&](const Error& error) {
    book_.refused(event, error);
    return error;
  };
  const auto now = Clock::now();
  const PrepareUpload nothing{event.device, {}};
  const auto session = book_.open(request.exchange.peer(), kOurVersion, nothing, now);
  if (!session) return refuse(session.error());
  const auto decision = policy_.judge(nothing, 0);
  const bool accepted = decision && decision->kind == transfer::Decision::Kind::accept;
  if (!accepted) {
    (*session)->decline();
    book_.settle();
    return refuse(decision ? no_rule() : decision.error());
  }
  book_.accepted(std::move(event), *session, now);
  return *session;
}

}  // namespace lsend::app
