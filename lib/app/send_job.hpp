#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/app/interrupt.hpp"
#include "lib/app/peer.hpp"
#include "lsend/app/send.hpp"
#include "lsend/net/task_group.hpp"
#include "lsend/storage/file_source.hpp"
#include "lsend/transfer/progress.hpp"
#include "lsend/transfer/send_plan.hpp"

namespace lsend::app {

/// What is to be sent: the wire's description and, at the same index, where the bytes are.
struct Payload {
  std::vector<FileInfo> files;
  std::vector<storage::LocalFile> local;  ///< empty for a message
  std::optional<storage::Spool> spool;    ///< standard input of unknown length
  std::string text;                       ///< of a message
  bool is_message = false;
  bool from_stdin = false;  ///< the only file is standard input itself, of known length
};

/// One session with one device: asks, uploads in parallel, tells the peer when it ends early.
class SendJob {
 public:
  SendJob(Executor executor, const Node& node, Interrupt& interrupt, Peer peer, Payload payload,
          const SendOptions& options, ProgressSink& sink);

  /// An Error when nothing was transferred; else how it went.
  Task<Result<SendReport>> run();
  /// The peer's cancel, heard by our own server. True when it means this session.
  bool cancelled_by_peer(const std::string& session, const PeerAddress& from);

 private:
  Task<Result<bool>> prepare();
  Task<Result<net::Reply>> ask(const std::string& body);
  Result<bool> take_grant(const std::string& json);
  Task<Result<ClientPtr>> connect();
  Task<> pause_for(Duration duration);
  void report_target();
  Task<> upload_loop(ClientPtr client);
  Task<> upload_file(ClientPtr& client, std::size_t file);
  Task<Result<>> upload_once(ClientPtr& client, std::size_t file);
  Task<Result<net::Reply>> send_bytes(net::HttpClient& client, std::size_t file);
  Task<> tell_peer();
  Result<std::unique_ptr<ByteSource>> open_source(std::size_t file) const;
  Error stop_reason(const Error& error) const;
  void stop(const Error& reason);
  void abandon_rest();
  void report_file(std::size_t file);
  void report_progress(std::size_t bytes, bool force);
  SendReport report(TimePoint started) const;

  Executor executor_;
  const Node& node_;
  Interrupt& interrupt_;
  Peer peer_;
  Payload payload_;
  const SendOptions& options_;
  ProgressSink& sink_;
  transfer::SendPlan plan_;
  transfer::Progress progress_;
  TimePoint last_progress_{};
  SessionId session_;
  std::string local_address_;
  ClientPtr first_;                           ///< the connection that asked
  std::vector<net::HttpClient*> in_use_;      ///< to close them when it is called off
  std::vector<net::Connecting*> connecting_;  ///< connections being made, for the same end
  std::optional<Error> stopped_;              ///< why no further file may start
  bool nothing_needed_ = false;               ///< 204: the message was read, or all is there
  bool asked_ = false;                        ///< a request is out and may be waiting
};

}  // namespace lsend::app
