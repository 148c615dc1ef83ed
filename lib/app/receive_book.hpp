#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "lib/app/refusal_news.hpp"
#include "lib/app/session_contacts.hpp"
#include "lib/app/session_requests.hpp"
#include "lsend/app/receive.hpp"
#include "lsend/storage/inbox.hpp"
#include "lsend/transfer/active_files.hpp"
#include "lsend/transfer/pace.hpp"
#include "lsend/transfer/progress.hpp"
#include "lsend/transfer/upload_slot.hpp"

namespace lsend::app {

/// The receiver's book: which sessions run, what came of each, and who looks on hears of it.
class ReceiveBook {
 public:
  using SessionPtr = transfer::UploadSlot::SessionPtr;

  /// `count` transfers are wanted; 0 = endless.
  ReceiveBook(std::size_t max_sessions, std::size_t count, transfer::SessionLimits limits,
              ProgressSink& sink);

  SessionRequests& requests() { return requests_; }
  transfer::UploadSlot& slot() { return slot_; }
  const transfer::UploadSlot& slot() const { return slot_; }
  const ReceiveReport& report() const { return report_; }
  /// Transfers that have ended, messages included.
  std::size_t ended() const { return ended_; }
  /// A sender was told "busy" within the last minute, or this process itself waits for the end.
  bool somebody_waits(TimePoint now) const;
  /// Bytes of running sessions' files that are not whole yet, what has come of them included.
  std::uint64_t still_expected() const;

  /// Opens a WAITING session, or remembers that somebody could not have one. Errc::busy,
  /// Errc::shutting_down after close().
  Result<SessionPtr> open(const PeerAddress& sender, const Version& version,
                          const PrepareUpload& request, TimePoint now);
  /// Is there no place for the caller, whatever it asks? What was settled before counts.
  bool keeps_out(const net::Exchange& exchange) const;
  /// Why such a caller has to wait; remembers that it does.
  Error busy_for(const PeerAddress& sender, TimePoint now);
  /// The request of `exchange` is the session's: its connection tells whether the sender is there.
  void attach(const SessionPtr& session, net::Exchange& exchange);
  /// The session whose place a request of `proven` may have (UploadSlot::giving_way_to()), or null.
  SessionPtr giving_way_to(const Fingerprint& proven, const PrepareUpload& request, TimePoint now);
  /// Takes the sessions that have ended out of the slot, ends what their requests wait for, and
  /// tells of them. Called each second and when the next limit passes: a longer silence was not the
  /// senders'.
  void settle();

  /// Opens no more sessions and ends those that wait for an answer; transfers go on to their end.
  void close();
  /// Ends all sessions: running uploads break, waiting requests are answered.
  void abort_all();

  void requested(const RequestEvent& event) { sink_.on(event); }
  /// By the index of a file that need not come: where its equal is.
  using Equals = std::unordered_map<std::size_t, std::string>;
  void accepted(RequestEvent event, const SessionPtr& session, std::string_view by,
                const Equals& equals);
  void refused(RequestEvent event, std::string_view by, const Error& error);
  void message(const RequestEvent& from, std::string_view by, std::string text);
  /// `from`: an earlier upload had brought so many of its bytes.
  void file(const FileInfo& file, const Result<storage::StoredFile>& stored,
            std::uint64_t from = 0);
  void warn(const std::string& message) { sink_.on(WarningEvent{message}); }
  /// `file` is its place in the session; a form is one without.
  void progress(const transfer::ReceiveSession& session, std::optional<std::size_t> file,
                std::size_t bytes);
  /// Bytes that an earlier transfer has brought.
  void skip(const transfer::ReceiveSession& session, std::size_t file, std::uint64_t bytes);
  /// A file is there: small ones are what makes a session of them move.
  void file_arrived(const transfer::ReceiveSession& session);
  /// A failed attempt's bytes have to come again.
  void take_back(const transfer::ReceiveSession& session, std::uint64_t bytes);

 private:
  struct Watched {
    Watched(std::uint64_t bytes, TimePoint now) : progress(bytes, now), pace(now) {}
    transfer::Progress progress;
    transfer::ActiveFiles active;
    transfer::Pace pace;
    std::uint64_t moved = 0;  ///< bytes, and something for each file
  };
  void show_progress(const transfer::ReceiveSession& session, const Watched& watched,
                     TimePoint now);
  void session_ended(const SessionPtr& session);
  void end_crawling(TimePoint now);

  ProgressSink& sink_;
  RefusalNews refusals_;
  std::size_t count_;
  transfer::UploadSlot slot_;
  SessionRequests requests_;
  SessionContacts contacts_;
  Duration idle_;  ///< how long a session may be silent
  ReceiveReport report_;
  std::size_t ended_ = 0;
  std::optional<TimePoint> told_busy_;
  bool closed_ = false;  ///< no session is opened any more
  TimePoint last_progress_{};
  std::optional<TimePoint> settled_;
  std::unordered_map<SessionId, Watched> progress_;
};

}  // namespace lsend::app
