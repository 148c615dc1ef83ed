#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/app/node.hpp"
#include "lsend/identity/known_devices.hpp"
#include "lsend/net/http_client.hpp"
#include "lsend/protocol/codec.hpp"
#include "lsend/protocol/routes.hpp"

namespace lsend::app {

using net::Executor;
using net::Task;

/// A device that we can talk to: where, in which version, and which certificate it must show.
struct Peer {
  DeviceInfo info;
  Endpoint endpoint;
  std::vector<Endpoint> others;       ///< where else it may answer
  std::optional<Fingerprint> pin;     ///< https: later connections must show it
  bool pin_is_claim = false;          ///< it was announced, and nobody vouches for it
  bool weak = false;                  ///< its certificate is, see HttpClient::peer_is_weak()
  bool probed = false;                ///< what is_lsend and hashes say is all there is to know
  bool is_lsend = false;              ///< it said so when it was probed
  bool hashes = false;                ///< protocol::Ability::hashes; it said so when it was probed
  std::string trouble;                ///< protocol::Ability::trouble
  bool only_named = false;            ///< proven because exactly this certificate is expected
  bool named_by_address = false;      ///< found where the user said that it is
  std::optional<Error> nameless;      ///< why `info` did not say who it is; the alias is its host
  std::optional<Fingerprint> proven;  ///< what TLS proved when it was probed
  identity::Standing standing = identity::Standing::fresh;
  bool remembered = false;  ///< see TargetEvent

  /// Takes over what another probe of it has told of its abilities.
  void learn(const Peer& other) {
    probed = other.probed;
    is_lsend = other.is_lsend;
    hashes = other.hashes;
  }
  const protocol::Codec& codec() const { return protocol::codec_for(info.version); }
};

using ClientPtr = std::unique_ptr<net::HttpClient>;

/// A connection to the peer, pinned where it has a pin.
Task<Result<ClientPtr>> connect_to(const Node& node, const Peer& peer, std::string local_address,
                                   net::Connecting* connecting);

/// Asks a host who it is: https first, then, unless `scheme` or `pins` forbid, http; `info` in v2's
/// route, then in v1's. A host that answers HTTP and has no `info`, or a broken one, counts as a v2
/// device without a name (protocol.md trap 45). Errc::unreachable, Errc::timed_out, Errc::identity,
/// Errc::plain_http, Errc::cloned, Errc::protocol; Errc::usage where this device itself answers.
struct ProbeRequest {
  std::string host;
  std::uint16_t port = kDefaultPort;
  std::optional<Scheme> scheme;
  std::vector<Fingerprint> pins;             ///< https: only these certificates will do
  Duration limit = std::chrono::seconds(5);  ///< a connection, and an answer
  net::Connecting* connecting = nullptr;     ///< to call it off, until it has ended
  bool may_be_us = false;                    ///< our own receiver is an answer, too
  bool tell_http = false;  ///< a known device that speaks plain HTTP now is Errc::plain_http

  ProbeRequest(std::string address, std::uint16_t tcp_port)
      : host(std::move(address)), port(tcp_port) {}
};
Task<Result<Peer>> probe(const Node& node, ProbeRequest request);

/// What was announced is a claim: whoever is there has to prove it before it hears more. Peers that
/// cannot (plain HTTP, versions before 1.9) stay as they are.
Task<Result<Peer>> prove(const Node& node, Peer peer);

/// Does an HTTP server listen there? It is told nothing.
Task<bool> speaks_http(const Node& node, std::string host, std::uint16_t port, Duration limit);

/// Another host has our identity: who, and how that is mended.
Error cloned(const std::string& who);

/// Tells the peer who we are and hears who it is, all within `limit`. `Peer::proven` is what TLS
/// proved.
Task<Result<Peer>> register_at(const Node& node, Peer peer, Duration limit);

/// Best effort, within `limit`: tells the peer that the session ends. Without an id (v2) only a
/// request that still waits is meant. `keep`: we may come back for what has broken off there, which
/// only who keeps such parts must hear.
Task<> cancel_at(const Node& node, Peer peer, SessionId session, std::string local_address,
                 Duration limit, bool keep = false);

/// The error that a peer's refusal means, its own words escaped: "'Bob' declined: ...".
Error refusal(const Peer& peer, const net::Reply& reply, protocol::Action action);

/// "'Nice Orange' (192.168.1.2)", escaped.
/// A peer that says nothing in time is as good as not there (cli.md, exit codes); only a person's
/// yes has a time-out of its own. Other errors stay.
Error silence_is_absence(const Error& error);
std::string display_name(const Peer& peer);

}  // namespace lsend::app
