#include "lib/app/acceptance.hpp"

#include <algorithm>
#include <numeric>

#include "lib/app/subprocess.hpp"
#include "lsend/model/text.hpp"
#include "lsend/net/task_group.hpp"

namespace lsend::app {

namespace {

constexpr Duration kProgramTime = std::chrono::seconds(30);
constexpr std::size_t kLongestSaying = 200;
constexpr std::string_view kByProgram = "program";
constexpr std::string_view kByPerson = "person";

Acceptance::Outcome refused(std::string_view by, Errc code, std::string reason) {
  Acceptance::Outcome outcome;
  outcome.by = by;
  outcome.refusal = fail(code, std::move(reason));
  return outcome;
}

Acceptance::Outcome accepted(std::string_view by, std::size_t files) {
  Acceptance::Outcome outcome;
  outcome.accepted = true;
  outcome.by = by;
  outcome.files.resize(files);
  std::iota(outcome.files.begin(), outcome.files.end(), std::size_t{0});
  return outcome;
}

/// What a program said about its no.
std::string saying(const std::string& output) {
  const auto line = output.substr(0, output.find('\n'));
  return line.empty() ? line : ": " + escape_for_terminal(line, kLongestSaying);
}

FileTime now_as_file_time() {
  return std::chrono::time_point_cast<FileTime::duration>(std::chrono::system_clock::now());
}

}  // namespace

std::string describe_policy(const ReceiveOptions& options, const Deciders& deciders) {
  const auto rules = accept_rules(options, deciders);
  const std::string who = rules.pin ? " who has the PIN" : "";
  std::string text;
  if (!rules.from.empty()) text = "accepts those of --accept-from" + who + "; ";
  if (rules.program)
    return text + "--accept-exec decides" + (rules.pin ? " about who has the PIN" : "");
  if (rules.person) return text + "asks" + (rules.pin ? " about who has the PIN" : "");
  if (!text.empty()) return text + "declines others";
  return "accepts everyone" + who;
}

Acceptance::Acceptance(const storage::Home& home, const ReceiveOptions& options,
                       const Deciders& deciders, SessionRequests& requests,
                       BlockingPool& pool, Warn warn)
    : options_(options),
      deciders_(deciders),
      requests_(requests),
      pool_(pool),
      warn_(std::move(warn)),
      home_(home),
      known_(home),
      rules_(accept_rules(options, deciders)) {
  if (deciders.prompt) desk_.emplace(*deciders.prompt);
}

identity::Standing Acceptance::standing(const net::Exchange& exchange, const DeviceInfo& device) {
  Endpoint endpoint;
  endpoint.scheme = device.protocol;
  endpoint.host = exchange.peer().str();
  endpoint.port = device.port;
  const auto proven = exchange.peer_fingerprint().value_or(Fingerprint());
  const auto standing = known_.now().standing(proven, device.alias, endpoint);
  if (const auto problem = known_.take_problem()) warn_(problem->message());
  return standing;
}

transfer::Ruling Acceptance::rule(const net::Exchange& exchange,
                                  const RequestEvent& request) const {
  transfer::Sender sender;
  sender.address = exchange.peer();
  sender.proven = exchange.peer_fingerprint();
  sender.trusted = request.standing == identity::Standing::trusted;
  sender.blocked = request.standing == identity::Standing::blocked;
  return transfer::rule_on(rules_, sender, request.message);
}

bool Acceptance::only_declines(const net::Exchange& exchange) {
  RequestEvent files;
  files.standing = standing(exchange, DeviceInfo());
  RequestEvent message = files;
  message.message = true;
  return rule(exchange, files) == transfer::Ruling::decline &&
         rule(exchange, message) == transfer::Ruling::decline;
}

Error Acceptance::declined_by_rule(const RequestEvent& request) {
  return fail(Errc::declined, request.standing == identity::Standing::blocked
                                  ? "this device is blocked"
                                  : "no rule accepts this sender");
}

/// A sender that waits, and what is asked about it.
struct Acceptance::Wait {
  explicit Wait(net::Exchange& waiting) : exchange(waiting) {}

  net::Exchange& exchange;
  AcceptQuestion question;
  TimePoint limit{};
  bool program = false;
  std::optional<Outcome> outcome;
};

transfer::AcceptRules accept_rules(const ReceiveOptions& options, const Deciders& deciders) {
  transfer::AcceptRules rules;
  rules.auto_accept = options.auto_accept;
  rules.pin = options.pin || options.random_pin;
  rules.from = options.accept_from;
  rules.program = !options.accept_exec.empty();
  rules.person = deciders.prompt != nullptr;
  return rules;
}

Task<Acceptance::Outcome> Acceptance::decide(net::Exchange& exchange, SessionPtr session,
                                             RequestEvent request,
                                             std::vector<std::size_t> offered) {
  const auto ruling = rule(exchange, request);
  if (ruling == transfer::Ruling::decline)
    co_return refused("rule", Errc::declined, declined_by_rule(request).message());
  if (ruling == transfer::Ruling::accept) {
    auto outcome = accepted("rule", offered.size());
    outcome.files = std::move(offered);
    co_return outcome;
  }
  Wait wait(exchange);
  wait.program = ruling == transfer::Ruling::ask_program;
  wait.limit = session->deadline();
  wait.question.request = std::move(request);
  std::error_code ignored;
  wait.question.folder = std::filesystem::absolute(options_.folder, ignored).string();
  for (const auto index : offered) wait.question.files.push_back(session->files()[index].info);
  const SessionRequests::Entry entry(requests_, session, exchange);
  exchange.protect();
  auto job = [&](net::TaskGroup& children) { return ask_and_watch(children, wait, *session); };
  const bool gone = co_await net::with_children(std::move(job));
  if (!session->running() || gone) {
    auto outcome = ended_unasked(*session, gone);
    session->abort();
    co_return outcome;
  }
  auto outcome = std::move(*wait.outcome);
  for (auto& index : outcome.files) index = offered[index];
  co_return outcome;
}

/// Asks until there is a decision, the session has ended or the sender has gone; true for the last.
Task<bool> Acceptance::ask_and_watch(net::TaskGroup& children, Wait& wait,
                                     const transfer::ReceiveSession& session) {
  children.spawn(ask(wait));
  bool gone = false;
  while (!wait.outcome && session.running() && !gone) {
    co_await wait.exchange.until_peer_leaves();
    gone = !wait.outcome && session.running();
  }
  children.cancel();
  co_return gone;
}

/// Why nobody's answer counts any more.
Acceptance::Outcome Acceptance::ended_unasked(const transfer::ReceiveSession& session,
                                              bool gone) const {
  if (stopping_) return refused("rule", Errc::shutting_down, "lsend takes no more transfers");
  if (gone) return refused("sender", Errc::cancelled, "the sender has gone");
  if (session.state() == transfer::ReceiveSession::State::expired)
    return refused("rule", Errc::declined, "nobody decided in time");
  return refused("sender", Errc::cancelled, "the sender called it off");
}

Task<> Acceptance::ask(Wait& wait) {
  if (wait.program)
    wait.outcome = co_await ask_program(wait.question);
  else
    wait.outcome = co_await ask_person(wait.question, wait.limit);
  wait.exchange.wake();
}

Task<Acceptance::Outcome> Acceptance::ask_program(const AcceptQuestion& question) {
  ShellCommand command(options_.accept_exec, kProgramTime);
  command.input = deciders_.document(question);
  const auto end = co_await run_command(std::move(command));
  if (!end) {
    warn_("--accept-exec: " + end.error().message());
    co_return refused(kByProgram, Errc::declined, "--accept-exec could not be run");
  }
  if (end->success()) co_return accepted(kByProgram, question.files.size());
  co_return refused(kByProgram, Errc::declined,
                    "--accept-exec " + end->describe(kProgramTime) + saying(end->output));
}

Task<Acceptance::Outcome> Acceptance::ask_person(const AcceptQuestion& question, TimePoint limit) {
  Question asked(question);
  auto answer = co_await desk_->ask(std::move(asked), limit);
  if (!answer) co_return refused(kByPerson, Errc::declined, "nobody answered in time");
  using Choice = Answer::Choice;
  if (answer->choice == Choice::always)
    co_await remember(question.request, identity::TrustState::trusted);
  if (answer->choice == Choice::block)
    co_await remember(question.request, identity::TrustState::blocked);
  if (answer->choice == Choice::no || answer->choice == Choice::block)
    co_return refused(kByPerson, Errc::declined, "the user said no");
  auto outcome = accepted(kByPerson, question.files.size());
  if (answer->choice == Choice::some) outcome.files = std::move(answer->files);
  co_return outcome;
}

/// Only a proven fingerprint is remembered, as its record says.
Task<> Acceptance::remember(RequestEvent request, identity::TrustState state) {
  if (!request.verified) co_return;
  Endpoint endpoint;
  endpoint.scheme = request.device.protocol;
  endpoint.host = request.address;
  endpoint.port = request.device.port;
  const auto now = now_as_file_time();
  ChangeKnown change = [=, device = std::move(request.device)](
                           identity::KnownDevices& known) -> Result<bool> {
    known.met(device.fingerprint, device.alias, endpoint, now);
    known.set_state(device.fingerprint, state, now);
    return true;
  };
  auto changing = change_known_on(pool_, home_, std::move(change));
  const auto changed = co_await std::move(changing);
  if (!changed) warn_(changed.error().message());
}

}  // namespace lsend::app
