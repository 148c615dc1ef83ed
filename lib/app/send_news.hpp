#pragma once

#include <string>

#include "lib/app/output_room.hpp"
#include "lib/app/send_session.hpp"
#include "lsend/app/events.hpp"
#include "lsend/model/byte_source.hpp"
#include "lsend/transfer/progress.hpp"

namespace lsend::app {

/// Tells of a delivery: who takes it, how far it is, how each file ended, and the whole.
class SendNews {
 public:
  SendNews(const SendSession& session, ProgressSink& sink, OutputRoom& room)
      : session_(session),
        sink_(sink),
        room_(room),
        started_(Clock::now()),
        progress_(0, started_),
        told_(session.plan.files().size()) {}

  void target();
  void waiting(const std::string& reason);
  void warning(const std::string& message);
  /// What is worth a warning about a file that has been sent.
  void remark(const ByteSource& sent);
  /// A file has ended; told once.
  /// `confirmed`: the sha256 that the peer says it has stored, and that is ours.
  /// `from`: so much of it was there already.
  void file(std::size_t index, std::optional<std::string> confirmed = std::nullopt,
            std::uint64_t from = 0);
  /// Uploads begin: only what the peer takes counts.
  void begin_progress();
  void moved(std::size_t file, std::size_t bytes);
  /// An attempt begins behind so many bytes.
  void skip(std::size_t file, std::uint64_t bytes);
  /// So that one sees that nothing moves; until it is cancelled.
  Task<> keep_telling();
  /// What an attempt that failed had counted.
  void take_back(std::uint64_t bytes) { progress_.take_back(bytes); }
  /// Until there is room to tell of another file, or the job is called off.
  Task<> wait_for_room();
  void end_progress() { show_progress(Clock::now()); }

  TargetReport report() const;

 private:
  void show_progress(TimePoint now);

  const SendSession& session_;
  ProgressSink& sink_;
  OutputRoom& room_;
  TimePoint started_;
  transfer::Progress progress_;
  transfer::ActiveFiles active_;
  std::uint64_t resumed_ = 0;  ///< of files that are done
  TimePoint last_progress_{};
  std::vector<bool> told_;  ///< by file
};

}  // namespace lsend::app
