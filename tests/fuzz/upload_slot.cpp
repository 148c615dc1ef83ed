// The receiver's state machine against a model of it: two bytes an operation.
#include "lsend/transfer/upload_slot.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "check.hpp"
#include "upload_model.hpp"

namespace {

using namespace lsend;
using namespace lsend::transfer;
using fuzz::Model;
using fuzz::require;
using State = ReceiveSession::State;
using std::chrono::seconds;

constexpr unsigned kParallel = 2;
constexpr std::chrono::seconds kDeserted{4};
constexpr unsigned kAttempts = 3;

/// A session beside its model. It stays here after it left the slot: uploads outlive sessions.
struct Pair {
  UploadSlot::SessionPtr real;
  Model model;
  bool in_slot = true;
};

struct Running {
  std::size_t pair = 0;
  std::size_t file = 0;
  UploadTicket ticket;
};

class Machine {
 public:
  void step(unsigned op, unsigned arg) {
    switch (op % 10) {
      case 0:
        return open(arg, false);
      case 1:
        return open(arg, true);
      case 2:
        return accept(arg);
      case 3:
        [[fallthrough]];
      case 4:
        return begin(arg, op / 10);
      case 5:
        return complete(arg);
      case 6:
        return break_off(arg);
      case 7:
        return cancel(arg);
      case 8:
        return tick(arg);
      default:
        return end_here(arg);
    }
  }

  void check() {
    const auto running = std::count_if(pairs_.begin(), pairs_.end(),
                                       [](const Pair& p) { return p.model.running(); });
    require(running <= 1, "there is one session at most");
    require(slot_.busy() == (running == 1), "a slot is busy while a session runs");
    for (const auto& [real, model, in_slot] : pairs_) {
      require(real->state() == model.state, "a session is where the model is");
      for (std::size_t i = 0; i < model.files.size(); ++i) {
        require(real->files()[i].state == model.files[i].state, "a file is where the model is");
        require(model.files[i].published <= 1, "a file is completed once");
        require(real->files()[i].token.empty() != model.files[i].promised,
                "accepted files have tokens, others have none");
      }
    }
    for (const auto& upload : uploads_) {
      const auto& [real, model, in_slot] = pairs_[upload.pair];
      require(real->may_publish(upload.ticket) == (model.state == State::active),
              "only a session that runs may publish");
    }
  }

 private:
  static std::string address(unsigned arg) { return "10.0.0." + std::to_string(arg % 2); }

  void open(unsigned arg, bool v1) {
    PrepareUpload request;
    Model model{v1, address(arg), State::waiting, std::vector<Model::File>(1 + arg / 2 % 4), now_};
    for (std::size_t i = 0; i < model.files.size(); ++i) {
      request.files.push_back(FileInfo{});
      request.files.back().id = FileId(std::to_string(i));
      request.files.back().size = arg;
    }
    const bool free = pairs_.empty() || !pairs_.back().model.running();
    const auto opened = slot_.open(PeerAddress(model.sender), v1 ? Version{1, 0} : kOurVersion,
                                   std::move(request), now_);
    require(opened.has_value() == free, "a request is let in while no other runs");
    require(opened || opened.error().code() == Errc::busy, "a second one is told busy");
    if (opened) pairs_.push_back(Pair{*opened, std::move(model)});
  }

  /// Bits of `arg` choose the files, with an index behind the end and a doubled one.
  void accept(unsigned arg) {
    if (pairs_.empty()) return;
    auto& [real, model, in_slot] = pairs_.back();
    std::vector<std::size_t> chosen{model.files.size()};
    for (std::size_t i = 0; i < model.files.size(); ++i) {
      if ((arg >> i) % 2 != 0) chosen.insert(chosen.end(), {i, i});
    }
    const auto reply = real->accept(chosen, random_, now_);
    require(reply.has_value() == (model.state == State::waiting), "a request is decided once");
    if (!reply) return;
    for (std::size_t i = 0; i < model.files.size(); ++i) {
      model.files[i].promised = (arg >> i) % 2 != 0;
      model.files[i].state = model.files[i].promised ? FileState::pending : FileState::declined;
    }
    model.state = State::active;
    model.last = now_;
    require(reply->tokens.size() == model.count(FileState::pending), "accepted files get tokens");
    model.settle();
  }

  /// `arg`: file, address, route, and what is wrong with the token or the session.
  void begin(unsigned arg, unsigned wrong) {
    if (pairs_.empty()) return;
    auto& [real, model, in_slot] = pairs_.back();
    const std::size_t file = arg % 5;
    const bool known = file < model.files.size();
    const auto sender = address(arg / 5);
    const bool v1 = arg / 10 % 2 != 0;
    const std::array<std::string, 4> sessions{
        v1 ? "" : real->id().str(), v1 ? real->id().str() : "", "other", real->id().str() + "x"};
    const std::array<std::string, 4> tokens{
        known ? real->files()[file].token.str() : "r1", "", "other",
        real->files()[(file + 1) % model.files.size()].token.str()};
    const auto& session = sessions[arg / 20 % 4];
    const auto& token = tokens[wrong % 4];
    const bool right = known && model.files[file].promised &&
                       token == real->files()[file].token.str() &&
                       session == (v1 ? "" : real->id().str());
    const bool allowed = right && v1 == model.v1 && sender == model.sender &&
                         model.state == State::active &&
                         model.files[file].state == FileState::pending;
    const bool room = model.count(FileState::receiving) < kParallel;
    const auto let_in =
        slot_.begin_upload({SessionId(session), FileId(std::to_string(file)), Token(token)}, v1,
                           PeerAddress(sender), now_);
    require(let_in.has_value() == (allowed && room), "only what was accepted is let in");
    if (!let_in) {
      require(let_in.error().code() == (allowed ? Errc::too_many_requests : Errc::forbidden),
              "all others are forbidden");
      require(allowed || let_in.error().message() == kUploadForbidden,
              "with one and the same text");
      return;
    }
    model.files[file].state = FileState::receiving;
    model.last = now_;
    uploads_.push_back({pairs_.size() - 1, file, let_in->ticket});
  }

  Running take_upload(unsigned arg) {
    const auto at = uploads_.begin() + static_cast<std::ptrdiff_t>(arg % uploads_.size());
    const Running upload = *at;
    uploads_.erase(at);
    return upload;
  }

  /// As a receiver does: it asks right before it publishes.
  void complete(unsigned arg) {
    if (uploads_.empty()) return;
    const auto upload = take_upload(arg);
    auto& [real, model, in_slot] = pairs_[upload.pair];
    auto& file = model.files[upload.file];
    if (real->may_publish(upload.ticket)) {
      real->complete_upload(upload.ticket, now_);
      ++file.published;
      file.state = FileState::done;
    } else {
      const auto after = real->fail_upload(upload.ticket, Failure::passing, now_);
      require(after == AfterFailure::given_up, "an upload of a session that ended is given up");
      file.state = FileState::failed;
    }
    model.last = now_;
    model.settle();
  }

  void break_off(unsigned arg) {
    if (uploads_.empty()) return;
    const bool retryable = arg >= 64;
    const auto upload = take_upload(arg % 64);
    auto& [real, model, in_slot] = pairs_[upload.pair];
    auto& file = model.files[upload.file];
    const bool again = retryable && model.state == State::active && ++file.attempts < kAttempts;
    const auto after = real->fail_upload(
        upload.ticket, retryable ? Failure::passing : Failure::lasting, now_);
    require(after == (again ? AfterFailure::may_retry : AfterFailure::given_up),
            "an attempt is repeated while there is a chance");
    file.state = again ? FileState::pending : FileState::failed;
    model.last = now_;
    model.settle();
  }

  void cancel(unsigned arg) {
    if (pairs_.empty()) return;
    auto& [real, model, in_slot] = pairs_.back();
    const PeerAddress sender(address(arg));
    const bool v1 = arg / 2 % 2 != 0;
    const SessionId right = real->id();
    const SessionId other("other");
    const SessionId* id = arg / 4 % 3 == 0 ? nullptr : arg / 4 % 3 == 1 ? &right : &other;
    const bool ours = model.running() && sender.str() == model.sender;
    const bool named = id == &right || (id == nullptr && model.state == State::waiting);
    const bool ends = ours && v1 == model.v1 && (v1 || named);
    const auto ended = slot_.cancel(id, v1, sender);
    require(ended.has_value() == !(ours && v1 && !model.v1), "v1 does not cancel v2");
    require((ended && *ended == real) == ends, "a cancel ends its own session");
    if (ends) model.state = State::cancelled;
  }

  void tick(unsigned arg) {
    now_ += seconds(arg % 64);
    std::size_t gone = 0;
    for (auto& pair : pairs_) {
      pair.model.expire(now_);
      if (!pair.in_slot || pair.model.running()) continue;
      pair.in_slot = false;
      ++gone;
    }
    const auto deadline = slot_.next_deadline();
    const auto swept = slot_.sweep(now_);
    require(swept.size() == gone, "a sweep gives what has ended");
    require(!slot_.next_deadline() || *slot_.next_deadline() > now_, "no limit is in the past");
    require(gone > 0 || deadline == slot_.next_deadline(), "a sweep moves no limit");
  }

  void end_here(unsigned arg) {
    if (pairs_.empty()) return;
    auto& [real, model, in_slot] = pairs_.back();
    if (arg % 3 == 0) {
      real->touch(now_);
      model.last = now_;
    } else if (arg % 3 == 1) {
      real->abort();
      if (model.running()) model.state = State::cancelled;
    } else {
      real->decline();
      if (model.state != State::waiting) return;
      model.state = State::declined;
      for (auto& file : model.files) file.state = FileState::declined;
    }
  }

  TimePoint now_ = TimePoint{} + std::chrono::hours(1);
  RandomText random_ = [count = 0]() mutable { return "r" + std::to_string(++count); };
  UploadSlot slot_{1, SessionLimits{seconds(30), seconds(60), kDeserted, kAttempts, kParallel}, random_};
  std::vector<Pair> pairs_;
  std::vector<Running> uploads_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Machine machine;
  for (std::size_t i = 0; i + 1 < std::min<std::size_t>(size, 512); i += 2) {
    machine.step(data[i], data[i + 1]);
    machine.check();
  }
  return 0;
}
