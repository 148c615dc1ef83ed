#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lib/app/blocking_pool.hpp"
#include "lib/app/runtime.hpp"
#include "lsend/app/receive.hpp"
#include "lsend/net/http_server.hpp"
#include "lsend/transfer/upload_slot.hpp"

namespace lsend::app {

/// The receiver's half of going on with uploads that broke off (reliability.md 7.5). Only for
/// senders that say that they can and that a certificate proves; nobody else's parts are kept.
class ReceiveResume {
 public:
  using SessionPtr = transfer::UploadSlot::SessionPtr;
  using Upload = transfer::UploadSlot::Upload;
  using Points = std::vector<std::pair<FileId, ResumePoint>>;

  ReceiveResume(const ReceiveOptions& options, const storage::Inbox& inbox, BlockingPool& pool)
      : options_(options), inbox_(inbox), pool_(pool) {}
  ReceiveResume(const ReceiveResume&) = delete;
  ReceiveResume& operator=(const ReceiveResume&) = delete;
  /// What was stated and not gone on with stays for another time.
  ~ReceiveResume();

  /// What running sessions still may write, by their senders' words (ReceiveBook).
  std::function<std::uint64_t()> still_expected = [] { return std::uint64_t{0}; };

  /// Whether the sender of a v2 request and we can do it.
  bool is_for(const net::Exchange& exchange, const PrepareUpload& request) const;
  /// Bytes of the request that lie here already, as far as labels tell: one part a file. May run on
  /// another thread.
  std::uint64_t kept_bytes(const net::Exchange& exchange, const PrepareUpload& request) const;
  /// From now on this session's parts are kept.
  void admit(const SessionPtr& session, const Fingerprint& sender);
  /// A sender asks where to go on, again and again if it likes, but not without sending anything.
  bool may_ask_again(const transfer::ReceiveSession& session) const;
  /// The session of this sender that its request goes on with, when it still runs. The certificate
  /// says who it is, whatever its address is by now.
  SessionPtr find(const net::Exchange& exchange, const PrepareUpload& request) const;

  /// Reads what is here of the session's files at `files` (indices), for no longer than
  /// transfer::kMostStating, and keeps the session from expiring meanwhile.
  Task<Points> state(SessionPtr session, std::vector<std::size_t> files);
  /// Where the bytes of an upload go. Errc::bad_request for an `offset` that was not stated; a
  /// point that the sender makes no use of is thrown away.
  Result<storage::PartFile> open(const Upload& upload, std::optional<std::uint64_t> offset,
                                 bool hash);
  /// An upload has failed: keeps its part where the sender may come back for it. True when it has
  /// brought the file on.
  Task<bool> put_away(storage::PartFile& part, SessionPtr session, Errc why, std::uint64_t moved);
  /// Sessions that have ended: lets go of what they have not used.
  void settle();

 private:
  struct Held {
    storage::PartFile part;
    ResumePoint point;
  };
  /// What belongs to one session.
  struct Keeper {
    SessionPtr session;
    Fingerprint sender;
    std::unordered_map<std::size_t, Held> held;  ///< by file
    unsigned asked = 0;                          ///< since its last upload began
  };
  using KeeperPtr = std::shared_ptr<Keeper>;

  std::optional<storage::Holes> holes_of(const FileInfo& file) const;
  Result<std::uint64_t> room(std::uint64_t own) const;
  KeeperPtr keeper_of(const transfer::ReceiveSession& session) const;
  Task<std::optional<Held>> read_part(storage::KeptPart part, SessionPtr session, TimePoint until);
  bool make_room(const PartLabel& label) const;
  bool make_room_of_greediest() const;
  void forget(const Keeper& keeper) const;
  static void end(Keeper& keeper);

  const ReceiveOptions& options_;
  const storage::Inbox& inbox_;
  BlockingPool& pool_;
  std::unordered_map<const transfer::ReceiveSession*, KeeperPtr> keepers_;
};

}  // namespace lsend::app
