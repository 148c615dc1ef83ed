#pragma once

#include <optional>
#include <string>

#include "lib/app/call_off.hpp"
#include "lib/app/payload.hpp"
#include "lib/app/peer.hpp"
#include "lsend/transfer/send_plan.hpp"

namespace lsend::app {

/// What asking and uploading share: to whom, from where, under which session, and what is left.
struct SendSession {
  SendSession(const Node& own, Peer device, const Payload& content, const SendOptions& how)
      : node(own), peer(std::move(device)), payload(content), options(how), plan(content.files) {}

  /// A connection to the peer, from the address of the first one.
  Task<Result<ClientPtr>> connect() {
    net::Connecting connecting;
    const auto opening = calls.opening(connecting);
    auto client = co_await connect_to(node, peer, local_address, &connecting);
    co_return client;
  }

  const Node& node;
  Peer peer;
  const Payload& payload;
  const SendOptions& options;
  transfer::SendPlan plan;
  SessionId id;
  std::string local_address;
  CallOff calls;
};

}  // namespace lsend::app
