#pragma once

#include <memory>
#include <string_view>

#include "lib/app/change_known.hpp"
#include "lib/app/prompt_desk.hpp"
#include "lib/app/session_requests.hpp"
#include "lsend/app/receive.hpp"

namespace lsend::app {

/// The user's rules, and who can be asked.
transfer::AcceptRules accept_rules(const ReceiveOptions& options, const Deciders& deciders);

/// Who is accepted, for people: "everyone who has the PIN".
std::string describe_policy(const ReceiveOptions& options, const Deciders& deciders);

/// Who decides about a request (transfer::rule_on), and the wait until it is decided.
class Acceptance {
 public:
  using SessionPtr = SessionRequests::SessionPtr;
  using Warn = std::function<void(const std::string& message)>;

  Acceptance(const storage::Home& home, const ReceiveOptions& options, const Deciders& deciders,
             SessionRequests& requests, BlockingPool& pool, Warn warn);

  /// What this machine's user made of the sender; nobody else may claim its place.
  identity::Standing standing(const net::Exchange& exchange, const DeviceInfo& device);

  /// What the rules say of a request, of which its standing and whether it is a message matter.
  transfer::Ruling rule(const net::Exchange& exchange, const RequestEvent& request) const;

  /// Does a rule decline this caller, whatever it sends?
  bool only_declines(const net::Exchange& exchange);
  /// The error for whom it does.
  static Error declined_by_rule(const RequestEvent& request);

  /// How it was decided, and the word for who did.
  struct Outcome {
    bool accepted = false;
    std::string_view by = "rule";
    std::vector<std::size_t> files;  ///< accepted: which of the session's
    Error refusal;
  };

  /// May the sender send those of the session's files that `offered` names? While somebody decides,
  /// the connection is watched, and the end of the session, from whatever side, ends the wait.
  Task<Outcome> decide(net::Exchange& exchange, SessionPtr session, RequestEvent request,
                       std::vector<std::size_t> offered);
  /// The options are not what they were.
  void options_changed() { rules_ = accept_rules(options_, deciders_); }
  /// Ends all waits: this process is on its way out.
  void stop() { stopping_ = true; }

 private:
  struct Wait;

  Task<bool> ask_and_watch(net::TaskGroup& children, Wait& wait,
                           const transfer::ReceiveSession& session);
  Task<> ask(Wait& wait);
  Task<Outcome> ask_program(const AcceptQuestion& question);
  Task<Outcome> ask_person(const AcceptQuestion& question, TimePoint limit);
  Task<> remember(RequestEvent request, identity::TrustState state);
  Outcome ended_unasked(const transfer::ReceiveSession& session, bool gone) const;

  const ReceiveOptions& options_;
  const Deciders& deciders_;
  SessionRequests& requests_;
  BlockingPool& pool_;
  Warn warn_;
  storage::Home home_;
  KnownView known_;
  transfer::AcceptRules rules_;
  std::optional<PromptDesk> desk_;
  bool stopping_ = false;
};

}  // namespace lsend::app
