#include "lib/app/api_handler.hpp"

#include "lsend/model/log.hpp"
#include "lsend/protocol/status.hpp"

namespace lsend::app {

namespace {

constexpr std::size_t kMaxRegister = 64 * 1024;

net::Answer error_answer(const Error& error) {
  const auto status = protocol::http_status(error.code());
  return net::Answer(status.code, protocol::encode_error(status.message));
}

}  // namespace

net::Answer ApiHandler::refuse(const Error& error) { return error_answer(error); }

void ApiHandler::note_refusal(const net::Exchange& exchange, const Error& error) {
  log_refusal(exchange.peer().str(), "refused: " + error.message(), Clock::now());
}

Task<> ApiHandler::respond_error(net::Exchange& exchange, Error error) {
  note_refusal(exchange, error);
  co_await answer_error(exchange, std::move(error));
}

Task<> ApiHandler::answer_error(net::Exchange& exchange, Error error) {
  auto answer = error_answer(error);
  // Who gave no length and sends a body all the same sends what must not be read as a request.
  answer.close = error.code() == Errc::length_required;
  co_await exchange.respond(std::move(answer));
}

Task<bool> ApiHandler::respond_json(net::Exchange& exchange, std::string json) {
  net::Answer answer(protocol::kOk, std::move(json));
  const bool heard = co_await exchange.respond(std::move(answer));
  co_return heard;
}

Task<> ApiHandler::handle(net::Exchange& exchange) {
  const auto& head = exchange.head();
  auto target = protocol::parse_target(head.target);
  if (!target) {
    auto error = target.error();
    co_await respond_error(exchange, std::move(error));
    co_return;
  }
  const auto route = protocol::find_route(head.method, target->path);
  if (!route) {
    auto error = route.error();
    co_await respond_error(exchange, std::move(error));
    co_return;
  }
  // A page of another site has no business here, whatever it may send (reliability.md 3.1, F).
  if (head.cross_site) {
    auto error = fail(Errc::forbidden, "a browser's cross-site request");
    co_await respond_error(exchange, std::move(error));
    co_return;
  }
  Request request{exchange, *route, std::move(target->query)};
  switch (route->action) {
    case protocol::Action::info:
      co_await info(request);
      break;
    case protocol::Action::register_device:
      co_await register_device(request);
      break;
    case protocol::Action::prepare_upload:
      co_await prepare_upload(request);
      break;
    case protocol::Action::upload:
      co_await upload(request);
      break;
    case protocol::Action::cancel:
      co_await cancel(request);
      break;
    case protocol::Action::send_form:
      co_await send_form(request);
      break;
    case protocol::Action::clipboard:
      co_await clipboard(request);
      break;
  }
}

Task<> ApiHandler::info(Request& request) {
  const auto caller = request.query.get("fingerprint");
  if (caller && Fingerprint(*caller) == node_.self.fingerprint) {
    auto error = fail(Errc::self_discovered, "info from ourselves, or from a copy of our identity");
    co_await respond_error(request.exchange, std::move(error));
    co_return;
  }
  auto able = ability();
  const auto& proven = request.exchange.peer_fingerprint();
  if (proven && *proven == node_.self.fingerprint) {
    auto why = co_await trouble();
    able.trouble = std::move(why);
  }
  auto json = request.route.codec->encode_info(node_.self, able);
  co_await respond_json(request.exchange, std::move(json));
}

Task<std::string> ApiHandler::trouble() { co_return std::string(); }

Task<> ApiHandler::register_device(Request& request) {
  auto& exchange = request.exchange;
  if (!registers_.allow(exchange.peer(), Clock::now())) {
    auto error = fail(Errc::too_many_requests, "it registers more than 20 times a second");
    co_await respond_error(exchange, std::move(error));
    co_return;
  }
  const auto body = co_await exchange.read_all(kMaxRegister);
  if (!body) {
    auto error = body.error();
    co_await respond_error(exchange, std::move(error));
    co_return;
  }
  const auto device = request.route.codec->decode_register(*body, node_.defaults());
  if (!device) {
    auto error = device.error();
    co_await respond_error(exchange, std::move(error));
    co_return;
  }
  if (device->fingerprint == node_.self.fingerprint) {
    note_self(exchange, *device);
    auto error =
        fail(Errc::self_discovered, "register from ourselves, or from a copy of our identity");
    co_await respond_error(exchange, std::move(error));
    co_return;
  }
  const auto& proven = exchange.peer_fingerprint();
  // Who claims another's fingerprint than its certificate's is answered and not believed (PR7).
  const bool lies = proven && device->fingerprint.is_sha256() && *proven != device->fingerprint;
  if (!lies && heard_) {
    Endpoint endpoint;
    endpoint.scheme = device->protocol;
    endpoint.host = exchange.peer().str();
    endpoint.port = device->port;
    heard_(*device, endpoint, proven && *proven == device->fingerprint);
  }
  auto json = request.route.codec->encode_info(node_.self, ability());
  co_await respond_json(exchange, std::move(json));
}

/// Whether it is another host that says so, the discovery knows.
void ApiHandler::note_self(const net::Exchange& exchange, const DeviceInfo& device) {
  if (!heard_) return;
  Endpoint endpoint;
  endpoint.scheme = device.protocol;
  endpoint.host = exchange.peer().str();
  endpoint.port = device.port;
  heard_(device, endpoint, false);
}

Task<> ApiHandler::prepare_upload(Request& request) {
  auto error = fail(Errc::declined, "this command takes no files");
  co_await respond_error(request.exchange, std::move(error));
}

Task<> ApiHandler::upload(Request& request) {
  auto error = fail(Errc::forbidden, "this command takes no files");
  co_await respond_error(request.exchange, std::move(error));
}

Task<> ApiHandler::send_form(Request& request) {
  auto error = fail(Errc::declined, "this command takes no files");
  co_await respond_error(request.exchange, std::move(error));
}

Task<> ApiHandler::clipboard(Request& request) {
  auto error = fail(Errc::declined, "this command takes no messages");
  co_await respond_error(request.exchange, std::move(error));
}

Task<> ApiHandler::cancel(Request& request) {
  net::Answer answer(protocol::kOk);
  co_await request.exchange.respond(std::move(answer));
}

}  // namespace lsend::app
