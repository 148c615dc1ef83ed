#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/app/send_news.hpp"
#include "lib/app/sources.hpp"

namespace lsend::app {

/// Uploads what the peer takes, several files at a time, each as often as it is worth trying.
class SendUploads {
 public:
  SendUploads(SendSession& session, SendNews& news) : session_(session), news_(news) {}

  /// `client` is the connection that asked. Returns when no file is under way any more.
  Task<> run(ClientPtr client);

 private:
  /// What a success is worth.
  struct Stored {
    std::optional<std::string> sha256;  ///< stated by the peer, and ours
    bool damaged = false;               ///< the peer has stored something else
    std::uint64_t from = 0;             ///< so much was there already
  };
  /// A file's bytes, from where the peer needs them.
  struct Opened {
    std::unique_ptr<ByteSource> source;
    std::unique_ptr<HashedSource> bytes;
    std::uint64_t from = 0;
    bool slow = false;  ///< to read its beginning took longer than connections are kept
  };

  class Batch;

  Task<> start_loops(net::TaskGroup& children, ClientPtr client);
  Task<> upload_loop(ClientPtr client);
  Task<bool> upload_some(ClientPtr& client);
  Task<bool> upload_batch(ClientPtr& client, Batch& batch);
  Task<bool> upload_and_tell(ClientPtr& client, std::size_t file,
                             std::optional<transfer::UploadFailure> failure);
  Task<bool> upload_file(ClientPtr& client, std::size_t file, Stored& stored,
                         std::optional<transfer::UploadFailure> failure);
  Task<std::optional<transfer::UploadFailure>> upload_once(ClientPtr& client, std::size_t file,
                                                           Stored& stored);
  Task<std::optional<transfer::UploadFailure>> judge(std::size_t file,
                                                     const Result<net::Reply>& reply,
                                                     HashedSource& sent, Stored& stored);
  net::Call call_for(std::size_t file, std::uint64_t from = 0) const;
  net::Moved count_for(std::size_t file, std::uint64_t& moved);
  Task<Result<net::Reply>> send_bytes(net::HttpClient& client, std::size_t file, Opened& opened,
                                      std::uint64_t& moved);
  Task<Result<Opened>> open_at_point(std::size_t file);
  Result<Opened> open_whole(std::size_t file, bool hash) const;
  Task<bool> begins_with(HashedSource& bytes, ResumePoint point);
  bool worth_hashing(std::size_t file) const;
  Result<> compare(std::size_t file, const std::string& field,
                   const std::optional<std::string>& ours, Stored& stored);
  void add_connections(const net::HttpClient& client);
  Task<transfer::Step> read_again(std::size_t file);
  storage::LocalFile local_file(std::size_t file) const;
  Result<std::unique_ptr<ByteSource>> open_source(std::size_t file) const;
  std::size_t connections() const;

  SendSession& session_;
  SendNews& news_;
  net::TaskGroup* loops_of_ = nullptr;  ///< while it runs
  std::size_t loops_ = 0;
  bool answers_digests_ = true;  ///< until an answer without one
  bool takes_batches_ = false;   ///< another lsend: it has answered with a digest
  bool grown_ = false;           ///< the link has been looked at
};

}  // namespace lsend::app
