#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "lsend/model/messages.hpp"
#include "lsend/model/result.hpp"
#include "lsend/model/time.hpp"
#include "lsend/transfer/upload_failure.hpp"

namespace lsend::transfer {

/// How a file of ours fares. `open`: it has to be offered, for the first time or again.
enum class SendStatus : std::uint8_t { open, offered, waiting, sending, done, skipped, failed };

/// What to do after an upload attempt failed (reliability.md 7.3).
enum class NextStep : std::uint8_t {
  give_up,        ///< never repeated
  retry,          ///< same token, after `delay`
  read_again,     ///< the peer found it damaged: hash anew, then checked()
  fewer_uploads,  ///< the peer wants fewer at a time: another upload takes the file
  ask_again,      ///< its token is of no use any more: the file has to be offered again
  stop_session,   ///< it was called off, or someone else answers: nothing more may go out
};

struct Step {
  NextStep next = NextStep::give_up;
  Duration delay{0};
};

/// A delivery to one device, over one session or several: which files the peer took, which come
/// next, how each ended. Pure.
class SendPlan {
 public:
  struct File {
    FileInfo info;
    Token token;
    SendStatus status = SendStatus::open;
    unsigned attempts = 0;
    bool told_to_wait = false;  ///< 429 once
    bool changed = false;       ///< its contents were announced anew once
    bool refuted = false;       ///< the peer has stored something else
    bool present = false;       ///< skipped because the peer has it already
    bool unsendable = false;    ///< it failed before anybody was asked
    Error error;                ///< why it failed: the cause, not what came of trying again
  };

  explicit SendPlan(std::vector<FileInfo> files);
  /// What was to be sent as well and cannot be read: it is never offered, and has its part in the
  /// verdict. Behind all others.
  void add_unsendable(FileInfo info, Error why);

  const std::vector<File>& files() const { return files_; }

  /// The sha256 of each file, at the files' indices, to go into offers from now on. An empty one is
  /// none, a file that has one keeps it, and one that was announced anew is not what was hashed.
  void announce(const std::vector<std::string>& digests);

  /// The files to ask for now: what is open, and what was offered without an answer; at most
  /// `most`, in the order given.
  std::vector<std::size_t> offer(std::size_t most = std::numeric_limits<std::size_t>::max());
  bool has_open() const;
  /// How many the peer takes that nobody has begun to send.
  std::size_t waiting() const;

  /// Offered files that the peer left out are skipped. Ids that were not offered are ignored and
  /// counted in `unknown`. Errc::protocol when no offered file has a token but unknown ids do.
  struct Acceptance {
    std::size_t accepted = 0, skipped = 0, unknown = 0;
    std::size_t present = 0;  ///< of skipped
  };
  Result<Acceptance> accepted(const PrepareUploadReply& reply);
  /// 204: the peer wants nothing of what was offered. `needless`: because it has it all already, or
  /// has read the message.
  void nothing_wanted(bool needless);

  /// Where the peer, which has taken an earlier attempt's beginning, would have us go on. It is of
  /// no use any more once the attempt has begun or the file has turned out to be another.
  std::optional<ResumePoint> point(std::size_t file) const;
  void forget_point(std::size_t file);
  /// The peer keeps what breaks off, so the session may be asked where to go on.
  bool resumes() const { return resumes_; }
  /// A connection broke since the peer took our offer.
  bool broke() const { return broke_; }

  /// The next file to send, now `sending`; nothing when all have been handed out, or when it is
  /// larger than `most` bytes. Order: as given.
  std::optional<std::size_t> next(std::uint64_t most = std::numeric_limits<std::uint64_t>::max());
  /// Handed out and not begun: the next one again.
  void put_back(std::size_t file);
  void done(std::size_t file);
  /// An attempt failed. Says what to do: after give_up and stop_session the file is `failed`, after
  /// ask_again `open`, after fewer_uploads `waiting`, else the next attempt counts as begun.
  Step failed(std::size_t file, const UploadFailure& failure);
  /// The peer ended a connection between two files. It may have been restarted, as after a break.
  void connection_ended() { broke_ = true; }
  /// The peer took the file and has stored something else: trying again cannot mend that.
  void refuted(std::size_t file, const Error& error);
  /// After read_again: the file as it is now. The same: another attempt. Changed: it is offered
  /// again with its new size and digest, once.
  Step checked(std::size_t file, FileInfo now);
  /// Files that nobody has begun to send fail with `error`: they would fare alike.
  void abandon_waiting(const Error& error);
  /// All files that have not ended fail with `error`.
  void abandon(const Error& error);
  /// Files that failed for a time only (is_temporary()) are open again. Gives how many are open.
  std::size_t reopen();

  struct Totals {
    std::size_t done = 0, skipped = 0, failed = 0, open = 0;
    std::size_t present = 0;     ///< of `skipped`
    std::size_t unsendable = 0;  ///< of `failed`
    /// bytes_total: without the files that are skipped or unsendable
    std::uint64_t bytes_done = 0, bytes_total = 0;
  };
  Totals totals() const;

  /// The whole in one result: success when every file is done or present; Errc::declined when all
  /// were skipped; the common error when all failed alike; else Errc::partial. The text counts
  /// them.
  Result<> verdict() const;

 private:
  /// What is known of files that broke off: few, whatever the size of the plan.
  struct Broken {
    std::optional<ResumePoint> point;
    std::uint64_t best = 0;  ///< the peer has stated so many bytes
    unsigned breaks = 0;     ///< since it stated more
  };

  void take_points(const PrepareUploadReply& reply);
  Step after_break(std::size_t index, const UploadFailure& failure);
  File* find(const FileId& id);
  File* find(const FileId& id, std::size_t& expected);
  Step after_forbidden(const File& file);
  Step after_loss(const Error& error);
  Step offer_again(bool all);
  Step after_too_many(File& file, const UploadFailure& failure);

  std::vector<File> files_;
  std::vector<std::uint32_t> by_id_;  ///< files_' indices by their ids, once somebody asks
  std::size_t next_ = 0;
  bool broke_ = false;        ///< a connection broke since the peer took our offer
  bool lost_ = false;         ///< tokens of this offer turned out to be of no use
  bool asked_again_ = false;  ///< for that reason; once in a delivery
  bool resumes_ = false;
  std::unordered_map<std::size_t, Broken> broken_;
};

}  // namespace lsend::transfer
