#pragma once

#include <limits>
#include <optional>
#include <string>

#include "lib/app/call_off.hpp"
#include "lib/app/payload.hpp"
#include "lib/app/peer.hpp"
#include "lib/app/prompt_desk.hpp"
#include "lsend/transfer/send_plan.hpp"

namespace lsend::app {

/// What asking and uploading share: to whom, from where, under which session, and what is left.
struct SendSession {
  /// `person` is null where nobody can be asked.
  SendSession(const Node& own, std::string name, const Payload& content, const SendOptions& how,
              PromptDesk* person)
      : node(own),
        target(std::move(name)),
        payload(content),
        options(how),
        desk(person),
        pin(how.pin),
        plan(content.files) {
    for (const auto& each : content.unsendable) {
      FileInfo info;
      info.file_name = each.file_name;
      info.size = each.size;
      plan.add_unsendable(std::move(info), each.why);
    }
  }

  /// A connection to the peer, from the address of the first one. Where nobody listens it is tried
  /// three times within the connect limit (reliability.md 7.3).
  Task<Result<ClientPtr>> connect();
  /// Best effort: the session is over, or the request that still waits.
  Task<> tell_peer();

  const Node& node;
  std::string target;  ///< as the user named it
  Peer peer;
  const Payload& payload;
  const SendOptions& options;
  PromptDesk* desk;
  std::optional<std::string> pin;  ///< of this receiver: the option's, or what a person typed
  transfer::SendPlan plan;
  SessionId id;
  std::size_t most_files = std::numeric_limits<std::size_t>::max();  ///< of one session
  bool tells_details = false;  ///< the peer is another lsend
  bool goes_on = false;  ///< the last session ended well, and there is more
  std::string local_address;
  CallOff calls;

 private:
  Task<Result<ClientPtr>> connect_once(bool from_anywhere);
};

}  // namespace lsend::app
