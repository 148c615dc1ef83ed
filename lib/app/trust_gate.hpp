#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/app/find_target.hpp"
#include "lib/app/peer.hpp"
#include "lib/app/prompt_desk.hpp"
#include "lsend/app/events.hpp"
#include "lib/app/change_known.hpp"
#include "lsend/identity/trust.hpp"

namespace lsend::app {

/// What `send` takes on trust: between finding a device and telling it anything stands this.
class TrustGate {
 public:
  /// Reads who is known. Errors of load_known(); with --trust off the file is not read. A device
  /// for now remembers nobody.
  static Result<TrustGate> open(const Node& node, identity::TrustMode mode,
                                std::vector<Fingerprint> demanded, ProgressSink& sink);

  Search search(std::string target, Duration timeout) const;
  /// The device that was found for `target`, proven as far as it can be and remembered. Or
  /// Errc::identity, and nothing was sent. At `desk` a person is asked about strangers where
  /// --trust says so; null: nobody is there.
  Task<Result<Peer>> admit(const Node& node, std::string target, Peer peer, PromptDesk* desk);

 private:
  TrustGate(storage::Home home, identity::TrustMode mode, std::vector<Fingerprint> demanded,
            ProgressSink& sink);
  static Task<bool> confirm(const Peer& peer, PromptDesk* desk);
  bool is_demanded(const std::string& target, const Fingerprint& fingerprint) const;
  void note_new(Peer& peer, const identity::Contact& contact);
  Task<bool> remember(const Peer& peer);

  storage::Home home_;
  identity::TrustMode mode_;
  std::vector<Fingerprint> demanded_;
  ProgressSink* sink_;
  bool remembers_ = true;
  identity::KnownDevices known_;
  std::unique_ptr<BlockingPool> pool_ = std::make_unique<BlockingPool>(1);
};

}  // namespace lsend::app
