#include "lsend/transfer/upload_slot.hpp"

#include <algorithm>
#include <utility>

namespace lsend::transfer {
namespace {

constexpr Duration kRemembered = std::chrono::minutes(1);

bool is_running_v1_of(const ReceiveSession& session, const PeerAddress& address) {
  return session.running() && session.version().is_v1() && session.sender() == address;
}

template <class Sessions, class Predicate>
UploadSlot::SessionPtr find(const Sessions& sessions, Predicate predicate) {
  const auto found = std::find_if(sessions.begin(), sessions.end(),
                                  [&](const auto& session) { return predicate(*session); });
  return found == sessions.end() ? nullptr : *found;
}

}  // namespace

UploadSlot::UploadSlot(std::size_t max_sessions, SessionLimits limits, RandomText random)
    : max_sessions_(max_sessions), limits_(limits), random_(std::move(random)) {}

Result<UploadSlot::SessionPtr> UploadSlot::open(const PeerAddress& sender, const Version& version,
                                                PrepareUpload request, TimePoint now) {
  if (busy()) return busy_for(sender);
  if (version.is_v1() &&
      find(sessions_, [&](const auto& session) { return is_running_v1_of(session, sender); })) {
    return fail(Errc::busy, "the request from " + sender.str() +
                                " has to wait: a v1 session of this address is running, and v1 "
                                "tells sessions apart by address only");
  }
  auto session = std::make_shared<ReceiveSession>(SessionId(random_()), sender, version,
                                                  std::move(request), limits_, now);
  sessions_.push_back(session);
  return session;
}

UploadSlot::SessionPtr UploadSlot::giving_way_to(const Fingerprint& proven,
                                                 const PrepareUpload& request,
                                                 TimePoint now) const {
  if (!busy()) return nullptr;
  return find(sessions_,
              [&](const auto& session) { return session.gives_way_to(proven, request, now); });
}

bool UploadSlot::keeps_out(const std::optional<Fingerprint>& proven) const {
  return busy() && (!proven || !find(sessions_, [&](const auto& session) {
           return session.running() && session.proven() == proven;
         }));
}

Error UploadSlot::busy_for(const PeerAddress& sender) const {
  const auto other = find(sessions_, [](const auto& session) { return session.running(); });
  return fail(Errc::busy, "the request from " + sender.str() +
                              " has to wait: another session is running" +
                              (other ? " with " + other->sender().str() : std::string()));
}

Result<UploadSlot::Upload> UploadSlot::begin_upload(const UploadParams& params, bool v1,
                                                    const PeerAddress& address, TimePoint now) {
  const auto session = find(sessions_, [&](const auto& candidate) {
    return v1 ? is_running_v1_of(candidate, address)
              : !candidate.version().is_v1() &&
                    equal_constant_time(candidate.id().str(), params.session.str());
  });
  if (!session) return fail(Errc::forbidden, std::string(kUploadForbidden));
  auto ticket = session->begin_upload(params, address, now);
  if (!ticket) return ticket.error();
  return Upload{session, *ticket};
}

std::optional<std::string> UploadSlot::stored_digest(const UploadParams& params,
                                                     const PeerAddress& address) const {
  for (const auto& session : sessions_)
    if (auto digest = session->stored_digest(params, address)) return digest;
  return last_finished_ ? last_finished_->stored_digest(params, address) : std::nullopt;
}

Result<UploadSlot::SessionPtr> UploadSlot::cancel(const SessionId* id, bool v1,
                                                  const PeerAddress& address) {
  if (v1) {
    auto session = find(
        sessions_, [&](const auto& candidate) { return is_running_v1_of(candidate, address); });
    if (session) {
      session->cancel(nullptr, address);
      return session;
    }
    if (find(sessions_, [&](const auto& candidate) {
          return candidate.running() && candidate.sender() == address;
        })) {
      return fail(Errc::forbidden,
                  "the session of " + address.str() + " is v2: v1's cancel does not end it");
    }
    return SessionPtr{};
  }
  return find(sessions_, [&](auto& candidate) {
    return !candidate.version().is_v1() && candidate.cancel(id, address);
  });
}

std::vector<UploadSlot::SessionPtr> UploadSlot::sweep(TimePoint now) {
  if (last_finished_ && now >= forget_at_) last_finished_.reset();
  std::vector<SessionPtr> ended;
  std::erase_if(sessions_, [&](const auto& session) {
    session->expire(now);
    if (session->running()) return false;
    if (session->state() == ReceiveSession::State::finished) {
      last_finished_ = session;
      forget_at_ = now + kRemembered;
    }
    ended.push_back(session);
    return true;
  });
  return ended;
}

void UploadSlot::rearm(TimePoint now) {
  for (const auto& session : sessions_) session->touch(now);
}

std::optional<TimePoint> UploadSlot::next_deadline() const {
  std::optional<TimePoint> earliest;
  for (const auto& session : sessions_) {
    const auto deadline = session->deadline();
    if (deadline != TimePoint::max() && (!earliest || deadline < *earliest)) earliest = deadline;
  }
  return earliest;
}

bool UploadSlot::busy() const {
  const auto running = std::count_if(sessions_.begin(), sessions_.end(),
                                     [](const auto& session) { return session->running(); });
  return static_cast<std::size_t>(running) >= max_sessions_;
}

}  // namespace lsend::transfer
