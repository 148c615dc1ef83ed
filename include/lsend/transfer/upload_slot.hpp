#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "lsend/transfer/receive_session.hpp"

namespace lsend::transfer {

/// The receiver's place for sessions: one by the protocol's rule, more where the user raised it.
/// Sessions are shared because an upload may still be running when its session has left the slot.
class UploadSlot {
 public:
  using SessionPtr = std::shared_ptr<ReceiveSession>;

  UploadSlot(std::size_t max_sessions, SessionLimits limits, RandomText random);

  /// Opens a WAITING session. Errc::busy when the slot is full. v1 finds its session by address, so
  /// a second one from an address that has a running v1 session is busy too.
  Result<SessionPtr> open(const PeerAddress& sender, const Version& version, PrepareUpload request,
                          TimePoint now);

  /// When the slot is full: the session that gives way to a request of `proven`
  /// (ReceiveSession::gives_way_to()), or null.
  SessionPtr giving_way_to(const Fingerprint& proven, const PrepareUpload& request,
                           TimePoint now) const;
  /// The slot is full, and none of its sessions is of `proven`: whatever such a caller asks, the
  /// answer is Errc::busy.
  bool keeps_out(const std::optional<Fingerprint>& proven) const;
  /// The error for whom the slot is full.
  Error busy_for(const PeerAddress& sender) const;

  struct Upload {
    SessionPtr session;
    UploadTicket ticket;
  };
  /// Finds the session by its id (v2) or by address (v1) and lets the upload in. Errc::forbidden
  /// for everything that does not fit, also for v2 tokens on the v1 route and the other way round.
  Result<Upload> begin_upload(const UploadParams& params, bool v1, const PeerAddress& address,
                              TimePoint now);
  /// Of a file that begin_upload() refuses because it is done: the sha256 of what is stored. Also
  /// for a minute after the last session has finished: the answers to its last files may be lost.
  std::optional<std::string> stored_digest(const UploadParams& params,
                                           const PeerAddress& address) const;

  /// v2: with an id; without one only a WAITING session of this address. v1: the session of this
  /// address; Errc::forbidden while that session is a v2 one (protocol.md PR36). The session that
  /// ended, or null when nothing matched (answer 200 all the same).
  Result<SessionPtr> cancel(const SessionId* id, bool v1, const PeerAddress& address);

  /// Removes the sessions that have ended and those whose limit has passed, and gives them.
  std::vector<SessionPtr> sweep(TimePoint now);
  /// All limits of running sessions start anew: this process could hear nobody for a while.
  void rearm(TimePoint now);
  /// The earliest limit of a running session.
  std::optional<TimePoint> next_deadline() const;

  bool busy() const;
  const std::vector<SessionPtr>& sessions() const { return sessions_; }

 private:
  std::size_t max_sessions_;
  SessionLimits limits_;
  RandomText random_;
  std::vector<SessionPtr> sessions_;
  SessionPtr last_finished_;
  TimePoint forget_at_;
};

}  // namespace lsend::transfer
