#include "lib/app/send_session.hpp"

#include "lib/app/chance.hpp"
#include "lsend/transfer/backoff.hpp"

namespace lsend::app {

namespace {

constexpr Duration kTellPeer = std::chrono::milliseconds(1500);
constexpr int kConnectTries = 3;
constexpr Duration kFirstPause{500};
constexpr Duration kLongestPause{2000};

}  // namespace

Task<Result<ClientPtr>> SendSession::connect() {
  const auto began = Clock::now();
  transfer::Backoff backoff(kFirstPause, kLongestPause);
  for (int tries = 1;; ++tries) {
    // The address that we had may be gone; the peer says then whether it takes another one.
    auto client = co_await connect_once(tries > 1);
    if (client || client.error().code() != Errc::unreachable || calls.stopped()) co_return client;
    const auto pause = backoff.next(chance());
    const auto left = node.settings.connect_timeout - (Clock::now() - began);
    if (tries == kConnectTries || pause > left) co_return client;
    co_await calls.pause(pause);
    if (calls.stopped()) co_return calls.reason();
  }
}

/// Tries every address until there is a session; that belongs to the one where it was made.
Task<Result<ClientPtr>> SendSession::connect_once(bool from_anywhere) {
  net::Connecting connecting;
  const auto opening = calls.opening(connecting);
  auto local = from_anywhere ? std::string() : local_address;
  auto client = co_await connect_to(node, peer, std::move(local), &connecting);
  const auto first = client ? Error() : client.error();
  for (std::size_t i = 0; !client && id.empty() && i < peer.others.size(); ++i) {
    if (client.error().code() != Errc::unreachable || calls.stopped()) break;
    // What it may say by HTTPS is nothing to say by HTTP.
    if (peer.others[i].scheme != peer.endpoint.scheme) continue;
    Peer elsewhere = peer;
    elsewhere.endpoint = peer.others[i];
    client = co_await connect_to(node, elsewhere, std::string(), &connecting);
    if (client) std::swap(peer.endpoint, peer.others[i]);
  }
  // Where it is told to be says more than where it may be, too.
  if (!client && client.error().code() == Errc::unreachable) co_return first;
  if (client && from_anywhere) local_address = (*client)->local_address();
  co_return client;
}

Task<> SendSession::tell_peer() {
  // What a person calls off is not wanted; anything else may be gone on with, also after the
  // connection to the terminal was lost.
  const auto by_user = [this] {
    const auto code = calls.stopped() ? calls.reason().code() : Errc::failed;
    return is_stop(code) && code != Errc::hung_up;
  };
  const bool keep = plan.resumes() && !by_user();
  co_await cancel_at(node, peer, id, local_address, kTellPeer, keep);
  id = SessionId();
}

}  // namespace lsend::app
