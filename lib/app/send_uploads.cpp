#include "lib/app/send_uploads.hpp"

#include <algorithm>

#include "lib/app/hash_in_steps.hpp"
#include "lib/app/sources.hpp"
#include "lsend/model/log.hpp"
#include "lsend/model/text.hpp"
#include "lsend/protocol/query.hpp"
#include "lsend/protocol/status.hpp"

namespace lsend::app {

namespace {

using transfer::NextStep;
using transfer::UploadFailure;

UploadFailure failure_of(Error error) {
  UploadFailure failure;
  failure.error = std::move(error);
  return failure;
}

/// What a refusal tells beside its status.
UploadFailure failure_of(const Peer& peer, const net::Reply& reply) {
  // A "201" or "204" is no promise that the file is there (protocol.md trap 22).
  auto failure = failure_of(refusal(peer, reply, protocol::Action::upload));
  failure.decided = reply.head.status < 500 || !reply.body.empty();
  failure.retry_after = transfer::wait_told(reply.head.retry_after);
  return failure;
}

}  // namespace

Task<> SendUploads::run(ClientPtr client) {
  net::TaskGroup group(executor_);
  group.spawn(upload_loop(std::move(client)));
  const auto most = connections();
  for (std::size_t i = 1; i < most; ++i) group.spawn(upload_loop(nullptr));
  co_await group.join();
}

std::size_t SendUploads::connections() const {
  // v1 peers take one file after another (protocol.md 1.2).
  if (session_.peer.info.version.is_v1() || session_.payload.from_stdin) return 1;
  const auto& files = session_.plan.files();
  const auto open =
      static_cast<std::size_t>(std::count_if(files.begin(), files.end(), [](const auto& file) {
        return file.status == transfer::SendStatus::waiting;
      }));
  return std::min<std::size_t>(std::max(1U, session_.options.jobs), open);
}

/// Sends one file after another over one connection, which it opens again when it has to.
Task<> SendUploads::upload_loop(ClientPtr client) {
  while (!session_.calls.stopped()) {
    const auto file = session_.plan.next();
    if (!file) co_return;
    const bool more = co_await upload_file(client, *file);
    const auto status = session_.plan.files()[*file].status;
    // What was called off is reported with all the rest, what may be tried again when it was.
    const bool again = status == transfer::SendStatus::failed && session_.options.retry > 0;
    if (status == transfer::SendStatus::done || (status == transfer::SendStatus::failed && !again))
      news_.file(*file);
    if (!more) co_return;
  }
}

/// Until it is there or given up. False when the peer wants fewer uploads at a time.
Task<bool> SendUploads::upload_file(ClientPtr& client, std::size_t file) {
  auto& plan = session_.plan;
  auto& calls = session_.calls;
  while (true) {
    auto failure = co_await upload_once(client, file);
    if (!failure) {
      plan.done(file);
      co_return true;
    }
    failure->error = calls.explain(failure->error);
    auto step = plan.failed(file, *failure);
    log(LogLevel::info, "upload of '" + escape_for_terminal(plan.files()[file].info.file_name) +
                            "', attempt " + std::to_string(plan.files()[file].attempts) + ": " +
                            failure->error.message());
    if (step.next == NextStep::stop_session) calls.stop(failure->error);
    if (step.next == NextStep::stop_session || step.next == NextStep::give_up) co_return true;
    if (step.next == NextStep::fewer_uploads) co_return false;
    if (calls.stopped()) co_return true;
    if (session_.payload.from_stdin) {
      // What came through a pipe cannot be read a second time.
      plan.abandon(failure->error);
      co_return true;
    }
    if (step.next == NextStep::read_again) step = co_await read_again(file);
    if (step.next != NextStep::retry) co_return true;
    co_await calls.pause(step.delay);
    if (calls.stopped()) co_return true;
  }
}

/// What went wrong, or nothing.
Task<std::optional<UploadFailure>> SendUploads::upload_once(ClientPtr& client, std::size_t file) {
  if (client && !client->usable()) client.reset();
  if (!client) {
    auto fresh = co_await session_.connect();
    if (!fresh) co_return failure_of(fresh.error());
    client = std::move(*fresh);
    if (session_.calls.stopped()) co_return failure_of(session_.calls.reason());
  }
  std::uint64_t moved = 0;
  const auto in_use = session_.calls.in_use(*client);
  const auto reply = co_await send_bytes(*client, file, moved);
  const bool good = reply && reply->head.status == protocol::kOk;
  if (good) co_return std::nullopt;
  news_.take_back(moved);
  if (!reply) co_return failure_of(reply.error());
  co_return failure_of(session_.peer, *reply);
}

/// The peer says that the file arrived damaged: what is it now?
Task<transfer::Step> SendUploads::read_again(std::size_t file) {
  auto now = session_.plan.files()[file].info;
  if (!session_.payload.is_message) {
    const auto local = storage::look_again(local_file(file));
    if (!local) co_return session_.plan.failed(file, failure_of(local.error()));
    now.size = local->size;
    now.modified = local->modified;
    if (now.sha256) {
      auto digest = co_await hash_in_steps(*local, session_.calls);
      if (!digest) co_return session_.plan.failed(file, failure_of(digest.error()));
      now.sha256 = std::move(*digest);
    }
  }
  co_return session_.plan.checked(file, std::move(now));
}

Task<Result<net::Reply>> SendUploads::send_bytes(net::HttpClient& client, std::size_t file,
                                                 std::uint64_t& moved) {
  const auto& info = session_.plan.files()[file].info;
  const auto& codec = session_.peer.codec();
  const auto& route = protocol::route_to(protocol::Action::upload, codec);
  std::vector<std::pair<std::string_view, std::string_view>> query;
  if (!session_.peer.info.version.is_v1()) query.emplace_back("sessionId", session_.id.str());
  query.emplace_back("fileId", info.id.str());
  query.emplace_back("token", session_.plan.files()[file].token.str());
  net::Call call("POST", protocol::make_target(route.path, query));
  call.content_type = "application/octet-stream";
  call.answer_limit = session_.node.settings.stall_timeout;
  const auto source = open_source(file);
  if (!source) co_return source.error();
  net::Moved count = [this, file, &moved](std::size_t bytes) {
    moved += bytes;
    news_.moved(file, bytes);
  };
  auto reply = co_await client.upload(std::move(call), **source, info.size, std::move(count));
  co_return reply;
}

Result<std::unique_ptr<ByteSource>> SendUploads::open_source(std::size_t file) const {
  const auto& payload = session_.payload;
  if (payload.is_message) return std::make_unique<TextSource>(payload.text);
  if (payload.from_stdin)
    return std::make_unique<StdinSource>(session_.plan.files()[file].info.size);
  auto source = storage::FileSource::open(local_file(file));
  if (!source) return source.error();
  return std::unique_ptr<ByteSource>(std::move(*source));
}

/// The size is the announced one, which may have changed since the files were listed.
storage::LocalFile SendUploads::local_file(std::size_t file) const {
  auto local = session_.payload.local[file];
  local.size = session_.plan.files()[file].info.size;
  return local;
}

}  // namespace lsend::app
