#include "lib/app/peer.hpp"

#include <algorithm>

#include "lib/app/call_limit.hpp"
#include "lsend/model/text.hpp"
#include "lsend/protocol/query.hpp"
#include "lsend/protocol/status.hpp"

namespace lsend::app {

namespace {

constexpr std::size_t kMaxInfo = 64 * 1024;
/// An HTTP server that did not take our handshake says something at once.
constexpr Duration kHttpLimit = std::chrono::seconds(1);

net::Call make_call(const protocol::Codec& codec, protocol::Action action, std::string query,
                    Duration limit) {
  const auto& route = protocol::route_to(action, codec);
  net::Call call(route.method == protocol::Method::get ? "GET" : "POST",
                 std::string(route.path) + query);
  if (route.method == protocol::Method::post) call.content_type = "application/json";
  call.answer_limit = limit;
  call.max_answer = kMaxInfo;
  return call;
}

/// Lets a probe be called off while it waits for its answer.
class Calling {
 public:
  Calling(net::Connecting* connecting, net::HttpClient* client) : connecting_(connecting) {
    if (connecting_) connecting_->abort = [client] { client->abort(); };
  }
  Calling(const Calling&) = delete;
  Calling& operator=(const Calling&) = delete;
  ~Calling() {
    if (connecting_) connecting_->abort = nullptr;
  }

 private:
  net::Connecting* connecting_;
};

/// Who has our identity: ourselves, or somebody with a copy of it.
Error has_our_identity(const Endpoint& endpoint, const std::string& local_address) {
  const bool loopback = endpoint.host.starts_with("127.") || endpoint.host == "::1";
  if (!loopback && endpoint.host != local_address) return cloned(endpoint.url());
  return fail(Errc::usage,
              endpoint.url() + " is this device itself, or a second lsend on it with a copy of its "
                               "identity, which then needs one of its own: remove 'identity.pem' "
                               "from the home folder that was copied");
}

/// One `info` call in one version's words: who `peer` is. False when it does not say.
Task<Result<bool>> ask_info(const Node& node, net::HttpClient& client, const protocol::Codec& codec,
                            Peer& peer, const ProbeRequest& request) {
  const auto endpoint = peer.endpoint;
  std::string query;
  // With it, a device does not answer itself.
  if (!request.may_be_us)
    query = "?fingerprint=" + protocol::percent_encode(node.self.fingerprint.str());
  auto call = make_call(codec, protocol::Action::info, std::move(query), request.limit);
  const auto reply = co_await client.call(std::move(call), std::string_view());
  if (!reply) co_return reply.error();
  if (reply->head.status != protocol::kOk) {
    const auto code = protocol::errc_of_refusal(reply->head.status, {}, protocol::Action::info);
    if (code == Errc::self_discovered)
      co_return has_our_identity(endpoint, client.local_address());
    const auto what =
        endpoint.url() + " answered " + std::to_string(reply->head.status) + " to 'info'";
    // Who sends us elsewhere is not who was meant.
    if (reply->head.status / 100 == 3) co_return fail(Errc::protocol, what);
    peer.nameless = fail(code == Errc::unknown_route ? code : Errc::protocol, what);
    co_return false;
  }
  const protocol::DeviceDefaults defaults{endpoint.port, endpoint.scheme};
  auto info = codec.decode_info(reply->body, defaults);
  if (!info) {
    peer.nameless = fail(Errc::protocol, endpoint.url() + ": " + info.error().message());
    co_return false;
  }
  peer.nameless.reset();
  peer.info = std::move(*info);
  const auto ability = protocol::ability_of(reply->body);
  peer.probed = true;
  peer.is_lsend = ability.has_value();
  peer.hashes = ability && ability->hashes;
  if (ability) peer.trouble = ability->trouble;
  co_return true;
}

/// Who listens at one endpoint.
Task<Result<Peer>> probe_endpoint(const Node& node, ProbeRequest request, Scheme scheme) {
  Peer peer;
  peer.endpoint.scheme = scheme;
  peer.endpoint.host = request.host;
  peer.endpoint.port = request.port;
  auto options = node.connect_options();
  options.connect_limit = request.limit;
  options.stall_limit = request.limit;
  options.pins = request.pins;
  options.connecting = request.connecting;
  auto client = co_await net::HttpClient::connect(node.tls, peer.endpoint, options);
  if (!client) co_return client.error();
  peer.proven = (*client)->peer_fingerprint();
  peer.weak = (*client)->peer_is_weak();
  if (peer.proven && *peer.proven == node.self.fingerprint && !request.may_be_us)
    co_return has_our_identity(peer.endpoint, (*client)->local_address());
  const Calling calling(request.connecting, client->get());
  auto known = co_await ask_info(node, **client, protocol::codec_v2(), peer, request);
  if (!known) co_return known.error();
  if (!*known && peer.nameless->code() == Errc::unknown_route) {
    // An HTTP server is there, whatever comes of the second question.
    if (!(*client)->usable()) {
      client = co_await net::HttpClient::connect(node.tls, peer.endpoint, options);
    }
    if (client) {
      const Calling calling_again(request.connecting, client->get());
      const auto again = co_await ask_info(node, **client, protocol::codec_v1(), peer, request);
      known = again && *again;
      if (!again && again.error().code() == Errc::cancelled) co_return again.error();
    }
  }
  if (!*known) {
    peer.probed = true;
    peer.info.alias = request.host;
    peer.info.version = kOurVersion;
  }
  peer.info.port = request.port;
  peer.info.protocol = scheme;
  // What TLS proved counts, not what JSON claims (protocol.md trap 16).
  if (peer.proven) peer.info.fingerprint = *peer.proven;
  co_return peer;
}

}  // namespace

Task<Result<ClientPtr>> connect_to(const Node& node, const Peer& peer, std::string local_address,
                                   net::Connecting* connecting) {
  auto options = node.connect_options();
  options.connecting = connecting;
  if (peer.pin) options.pins.push_back(*peer.pin);
  options.local_address = std::move(local_address);
  auto client = co_await net::HttpClient::connect(node.tls, peer.endpoint, options);
  if (!client) co_return silence_is_absence(client.error());
  co_return client;
}

Task<Result<Peer>> probe(const Node& node, ProbeRequest request) {
  const bool try_https = request.scheme != Scheme::http && !node.settings.http;
  const bool try_http = request.scheme != Scheme::https && request.pins.empty();
  if (!try_https && !try_http)
    co_return fail(Errc::identity, "without HTTPS " + request.host +
                                       " cannot prove that it is the expected device; nothing was "
                                       "sent");
  if (!try_https) {
    auto plain = co_await probe_endpoint(node, request, Scheme::http);
    if (!plain) co_return silence_is_absence(plain.error());
    co_return plain;
  }
  auto secure = co_await probe_endpoint(node, request, Scheme::https);
  if (secure) co_return secure;
  const auto code = secure.error().code();
  if (!try_http) {
    // Some HTTP servers end a handshake without a word, or wait for the rest of it.
    const bool look = request.tell_http && (code == Errc::handshake || code == Errc::timed_out);
    bool plain_now = false;
    if (look) {
      plain_now = co_await speaks_http(node, request.host, request.port,
                                       std::min(request.limit, kHttpLimit));
    }
    if (plain_now) co_return fail(Errc::plain_http, secure.error().message());
    co_return silence_is_absence(secure.error());
  }
  // Only a port where somebody listens and TLS fails can be a plain one.
  const bool somebody_is_there = code == Errc::handshake || code == Errc::identity ||
                                 code == Errc::plain_http || code == Errc::timed_out;
  if (!somebody_is_there) co_return secure;
  auto plain = co_await probe_endpoint(node, request, Scheme::http);
  if (plain) co_return plain;
  co_return silence_is_absence(secure.error());
}

Task<Result<Peer>> prove(const Node& node, Peer peer) {
  const bool provable = peer.endpoint.scheme == Scheme::https && !peer.info.version.is_v1();
  if (peer.proven || !provable) co_return peer;
  ProbeRequest request(peer.endpoint.host, peer.endpoint.port);
  request.scheme = Scheme::https;
  request.limit = node.settings.connect_timeout;
  if (peer.pin) request.pins.push_back(*peer.pin);
  auto again = co_await probe(node, std::move(request));
  if (!again) co_return again.error();
  peer.learn(*again);
  peer.weak = again->weak;
  // A certificate that proves nothing by itself is enough where somebody named exactly this one.
  const bool named = peer.pin && !peer.pin_is_claim;
  peer.only_named = named && !again->proven;
  peer.proven = named ? peer.pin : again->proven;
  if (!peer.pin) peer.pin = peer.proven;
  co_return peer;
}

Task<bool> speaks_http(const Node& node, std::string host, std::uint16_t port, Duration limit) {
  Endpoint endpoint;
  endpoint.scheme = Scheme::http;
  endpoint.host = std::move(host);
  endpoint.port = port;
  auto options = node.connect_options();
  options.connect_limit = limit;
  options.stall_limit = limit;
  auto client = co_await net::HttpClient::connect(node.tls, endpoint, options);
  if (!client) co_return false;
  auto call = make_call(protocol::codec_v2(), protocol::Action::info, std::string(), limit);
  const auto reply = co_await (*client)->call(std::move(call), std::string_view());
  co_return reply.has_value();
}

Error cloned(const std::string& who) {
  return fail(Errc::cloned,
              who + " has the identity of this device: two hosts cannot have one, so one home "
                    "folder or disk was copied from the other. Remove 'identity.pem' from the home "
                    "folder of one of them (LSEND_HOME, or ~/.local/share/lsend), and it makes "
                    "itself a new one; nothing was sent");
}

Task<Result<Peer>> register_at(const Node& node, Peer peer, Duration limit) {
  auto options = node.connect_options();
  options.connect_limit = limit;
  if (peer.pin) options.pins.push_back(*peer.pin);
  const auto executor = co_await net::asio::this_coro::executor;
  ClientPtr connection;
  CallLimit whole(executor, limit);
  options.connecting = whole.connecting();
  auto client = co_await net::HttpClient::connect(node.tls, peer.endpoint, options);
  if (!client) co_return client.error();
  connection = std::move(*client);
  whole.watch(*connection);
  peer.proven = connection->peer_fingerprint();
  const auto& codec = peer.codec();
  auto call = make_call(codec, protocol::Action::register_device, std::string(), limit);
  const auto body = codec.encode_register(node.self);
  const auto reply = co_await connection->call(std::move(call), body);
  if (!reply) co_return reply.error();
  if (reply->head.status != protocol::kOk)
    co_return refusal(peer, *reply, protocol::Action::register_device);
  const protocol::DeviceDefaults defaults{peer.endpoint.port, peer.endpoint.scheme};
  const auto info = codec.decode_info(reply->body, defaults);
  if (!info) co_return info.error();
  // Its answer names neither port nor protocol, and v1 no fingerprint: those are known already.
  const auto announced = peer.info;
  peer.info = *info;
  peer.info.port = announced.port;
  peer.info.protocol = announced.protocol;
  if (peer.info.fingerprint.empty()) peer.info.fingerprint = announced.fingerprint;
  co_return peer;
}

Task<> cancel_at(const Node& node, Peer peer, SessionId session, std::string local_address,
                 Duration limit, bool keep) {
  // A connection, its handshake and the answer share the limit.
  limit /= 3;
  auto options = node.connect_options();
  options.connect_limit = limit;
  options.stall_limit = limit;
  options.local_address = std::move(local_address);
  if (peer.pin) options.pins.push_back(*peer.pin);
  auto client = co_await net::HttpClient::connect(node.tls, peer.endpoint, options);
  if (!client) co_return;
  std::string query;
  if (!peer.info.version.is_v1() && !session.empty())
    query = "?sessionId=" + protocol::percent_encode(session.str()) + (keep ? "&keep=true" : "");
  auto call = make_call(peer.codec(), protocol::Action::cancel, std::move(query), limit);
  // Whatever it answers: 1.18 says 200 always, older ones 403 (protocol.md trap 29).
  (void)co_await (*client)->call(std::move(call), std::string_view());
}

Error silence_is_absence(const Error& error) {
  return error.code() == Errc::timed_out ? fail(Errc::unreachable, error.message()) : error;
}

std::string display_name(const Peer& peer) {
  return "'" + escape_for_terminal(peer.info.alias, 64) + "' (" + peer.endpoint.host + ")";
}

Error refusal(const Peer& peer, const net::Reply& reply, protocol::Action action) {
  const auto heard = protocol::decode_error(reply.body, reply.head.content_type);
  const auto code = protocol::errc_of_refusal(reply.head.status, heard, action);
  const auto words = escape_for_terminal(heard, 200);
  const auto who = display_name(peer);
  const std::string said = words.empty() ? std::string() : " (\"" + words + "\")";
  const bool no_space = heard == protocol::http_status(Errc::no_space).message;
  switch (code) {
    case Errc::declined:
      return fail(code, who + " declined the transfer" + said);
    case Errc::name_taken:
      return fail(code, who + " has something of this name already and keeps it" + said);
    case Errc::name_refused:
      return fail(code, who + " cannot store a file of this name" + said +
                            "; --name and --prefix give it another one");
    case Errc::busy:
      return fail(code, who + " is busy with another transfer" + said + "; try again later");
    case Errc::pin_required:
      return fail(code, who + " asks for a PIN" + said + "; give it with --pin-file or LSEND_PIN");
    case Errc::pin_locked:
      return fail(code, who + " takes no PIN for now, after too many wrong ones" + said);
    case Errc::too_many_requests:
      return fail(code, who + " refuses for now, after too many attempts" + said);
    case Errc::limit:
      return fail(code, who + (no_space ? " has no room for it" : " does not take so much") + said);
    case Errc::io:
      return fail(code, who + " cannot write to its folder" + said);
    case Errc::size_mismatch:
      return fail(code, who + " got another number of bytes than was announced" + said);
    case Errc::checksum_mismatch:
      return fail(code, who + " got other bytes than were sent" + said);
    case Errc::shutting_down:
      return fail(code, who + " is about to end" + said);
    case Errc::unreachable:
      return fail(code, who + " waited in vain for what was sent" + said);
    case Errc::identity:
      return fail(code, who + " does not accept this device's certificate" + said);
    default:
      return fail(code, who + " answered " + std::to_string(reply.head.status) + said);
  }
}

}  // namespace lsend::app
