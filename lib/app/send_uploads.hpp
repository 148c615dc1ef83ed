#pragma once

#include <memory>

#include "lib/app/send_news.hpp"

namespace lsend::app {

/// Uploads what the peer takes, several files at a time, each as often as it is worth trying.
class SendUploads {
 public:
  SendUploads(Executor executor, SendSession& session, SendNews& news)
      : executor_(executor), session_(session), news_(news) {}

  /// `client` is the connection that asked. Returns when no file is under way any more.
  Task<> run(ClientPtr client);

 private:
  Task<> upload_loop(ClientPtr client);
  Task<bool> upload_file(ClientPtr& client, std::size_t file);
  Task<std::optional<transfer::UploadFailure>> upload_once(ClientPtr& client, std::size_t file);
  Task<Result<net::Reply>> send_bytes(net::HttpClient& client, std::size_t file,
                                      std::uint64_t& moved);
  Task<transfer::Step> read_again(std::size_t file);
  storage::LocalFile local_file(std::size_t file) const;
  Result<std::unique_ptr<ByteSource>> open_source(std::size_t file) const;
  std::size_t connections() const;

  Executor executor_;
  SendSession& session_;
  SendNews& news_;
};

}  // namespace lsend::app
