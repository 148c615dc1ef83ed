#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lsend/model/messages.hpp"
#include "lsend/model/result.hpp"

namespace lsend::transfer {

/// How a file of ours ended.
enum class SendStatus : std::uint8_t { waiting, sending, done, skipped, failed };

/// What to do after an upload attempt failed (reliability.md 7.3).
enum class NextStep : std::uint8_t {
  give_up,       ///< never repeated
  retry_now,     ///< same token at once
  retry_later,   ///< same token after delay
  stop_session,  ///< the session is gone: nothing more can be sent in it
};

/// A sender's session: which files the peer took, which come next, how each ended. Pure.
class SendPlan {
 public:
  struct File {
    FileInfo info;
    Token token;
    SendStatus status = SendStatus::waiting;
    unsigned attempts = 0;
    Error error;  ///< of the last attempt that failed
  };

  explicit SendPlan(std::vector<FileInfo> files);

  const std::vector<File>& files() const { return files_; }

  /// Files that the peer left out are skipped. Ids that were never offered are ignored and counted
  /// in `unknown`. Errc::protocol when no offered file has a token but unknown ids do.
  struct Acceptance {
    std::size_t accepted = 0, skipped = 0, unknown = 0;
  };
  Result<Acceptance> accepted(const PrepareUploadReply& reply);
  /// 204: the peer wants nothing, or has read the message.
  void nothing_wanted();

  /// The next file to send, now `sending`; nothing when all have been handed out. Order: as given.
  std::optional<std::size_t> next();
  void done(std::size_t file);
  /// An attempt failed. Says what to do: after give_up and stop_session the file is `failed`, after
  /// the others the next attempt counts as begun.
  NextStep failed(std::size_t file, const Error& error);
  /// All files not yet done fail with `error`.
  void abandon(const Error& error);

  struct Totals {
    std::size_t done = 0, skipped = 0, failed = 0, open = 0;
    std::uint64_t bytes_done = 0, bytes_total = 0;  ///< bytes_total: without the skipped files
  };
  Totals totals() const;

  /// The whole in one result: success when every file is done; Errc::declined when all were
  /// skipped; the common error when all failed alike; else Errc::partial. The text counts them.
  Result<> verdict() const;

 private:
  std::vector<File> files_;
  std::unordered_map<FileId, std::size_t> by_id_;
  std::size_t next_ = 0;
};

}  // namespace lsend::transfer
