#include "lsend/app/receive.hpp"

#include <grp.h>

#include <charconv>
#include <csignal>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <system_error>
#include <thread>
#include <vector>

#include "lib/app/acceptance.hpp"
#include "lib/app/receiver.hpp"
#include "lib/app/runtime.hpp"
#include "lsend/app/stop_signal.hpp"
#include "lsend/model/text.hpp"

namespace lsend::app {

namespace {

/// From the kernel's generator, whatever the library makes of random_device elsewhere.
std::string six_digits() {
  std::random_device kernel("/dev/urandom");
  std::string digits;
  for (int i = 0; i < 6; ++i)
    digits += static_cast<char>('0' + std::uniform_int_distribution<int>(0, 9)(kernel));
  return digits;
}

/// All that threads of the pool may work on.
struct Reception {
  ReceiveOptions options;
  BlockingPool pool;
  std::optional<Runtime> runtime;
  std::optional<Receiver> receiver;
};

/// Is the pool finished by `limit`? Whoever is not may go on, and then nothing of it is ever freed.
bool finish_until(TimePoint limit, BlockingPool& pool) {
  const auto finished = std::make_shared<std::promise<void>>();
  const auto end = finished->get_future();
  const auto finish = [finished, &pool] {
    pool.finish();
    finished->set_value();
  };
  try {
    std::thread(finish).detach();
  } catch (const std::system_error&) {
    finish();
  }
  return end.wait_until(limit) == std::future_status::ready;
}

/// Finishes the pool on every way out. Stopped by force, its threads may still be at work on the
/// receiver's folder. One that hangs keeps what it uses, but not the process.
class ReceptionEnd {
 public:
  explicit ReceptionEnd(std::unique_ptr<Reception>& reception) : reception_(reception) {}
  ReceptionEnd(const ReceptionEnd&) = delete;
  ReceptionEnd& operator=(const ReceptionEnd&) = delete;
  ~ReceptionEnd() {
    // Time is left to say how it ended.
    constexpr Duration kLastWords{50};
    static auto& abandoned = *new std::vector<std::unique_ptr<Reception>>;
    if (const auto stop = stop_signal()) {
      if (!finish_until(stop->until - kLastWords, reception_->pool))
        abandoned.push_back(std::move(reception_));
      return;
    }
    // Nobody reads signals any more: one ends what may still wait for a thread.
    (void)std::signal(SIGINT, SIG_DFL);
    (void)std::signal(SIGTERM, SIG_DFL);
    reception_->pool.finish();
  }

 private:
  std::unique_ptr<Reception>& reception_;
};

/// By number or name. Looked up once: later on the list of groups may be out of reach.
Result<gid_t> group_of(const std::string& name) {
  gid_t number = 0;
  const auto end = name.data() + name.size();
  const auto [last, error] = std::from_chars(name.data(), end, number);
  // The last number stands for "none" in system calls.
  if (error == std::errc() && last == end && number != static_cast<gid_t>(-1)) return number;
  std::vector<char> buffer(64 * 1024);
  group entry{};
  group* found = nullptr;
  (void)getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return found->gr_gid;
  return fail(Errc::usage, "--group: this host has no group '" + escape_for_terminal(name, 64) + "'");
}

/// A file that stays must not make a sender's work be for nothing: it is looked at beforehand.
Result<storage::Inbox> open_inbox(const ReceiveOptions& options) {
  storage::Access access;
  access.shared = options.shared_folder;
  access.mode = options.file_mode;
  if (!options.group.empty()) {
    const auto group = group_of(options.group);
    if (!group) return group.error();
    access.group = *group;
  }
  if (options.output.empty() || options.to_standard_output())
    return storage::Inbox::open(options.folder, access);
  const std::string shown = "'" + escape_for_terminal(options.output.string()) + "'";
  std::error_code error;
  const auto there = std::filesystem::symlink_status(options.output, error);
  using Kind = std::filesystem::file_type;
  const bool file = there.type() == Kind::regular || there.type() == Kind::symlink;
  if (!options.output.has_filename() || (std::filesystem::exists(there) && !file))
    return fail(Errc::usage, "--output: " + shown + " is no file; --output - writes to a pipe");
  if (file && options.conflict != storage::Conflict::overwrite)
    return fail(Errc::usage, "--output: " + shown +
                                 " is there already: remove it, or replace it with "
                                 "--conflict overwrite");
  return storage::Inbox::open_beside(options.output, access);
}

}  // namespace

bool can_accept(const ReceiveOptions& options, const Deciders& deciders) {
  const auto rules = accept_rules(options, deciders);
  return rules.auto_accept || rules.pin || rules.program || rules.person || !rules.from.empty();
}

Result<ReceiveReport> receive(const Settings& settings, const ReceiveOptions& options,
                              const Deciders& deciders, ProgressSink& sink) {
  // Without a home its folder may have no place either.
  const bool homeless = settings.home.nowhere() && options.folder.empty();
  if (homeless && options.output.empty()) return Node::make(settings).error();
  auto inbox = open_inbox(options);
  if (!inbox && options.folder == settings.home.downloads) {
    // A home without a place for the folder has none for the identity either.
    const auto homeless_node = Node::make(settings);
    if (!homeless_node) return homeless_node.error();
  }
  if (!inbox) return inbox.error();
  auto node = Node::make(settings);
  if (!node) return node.error();
  auto reception = std::make_unique<Reception>();
  auto& chosen = reception->options;
  auto& pool = reception->pool;
  chosen = options;
  if (chosen.random_pin) chosen.pin = six_digits();
  inbox->close_with([&pool](storage::UniqueFd fd) {
    pool.post([closed = std::move(fd)]() mutable { closed.reset(); });
  });
  // With a way to read its options again SIGHUP is for them.
  auto& runtime = reception->runtime.emplace(&sink, options.reload ? Hangup::other : Hangup::stop);
  auto& receiver =
      reception->receiver.emplace(runtime.executor(), runtime.interrupt(), std::move(*node), chosen,
                                  deciders, std::move(*inbox), pool, sink, runtime.room());
  runtime.answer_with([&receiver] { return receiver.status_event(); });
  const ReceptionEnd end(reception);
  return runtime.run(receiver.run());
}

}  // namespace lsend::app
