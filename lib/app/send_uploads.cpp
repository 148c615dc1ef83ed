#include "lib/app/send_uploads.hpp"

#include <algorithm>

#include "lib/app/sources.hpp"
#include "lsend/protocol/query.hpp"
#include "lsend/protocol/status.hpp"

namespace lsend::app {

namespace {

/// Waits between attempts (reliability.md 7.3).
Duration retry_delay(unsigned attempts) {
  return attempts <= 2 ? std::chrono::seconds(1) : std::chrono::seconds(4);
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
    co_await upload_file(client, *file);
    // What was called off is reported with all the rest.
    if (session_.plan.files()[*file].status != transfer::SendStatus::sending) news_.file(*file);
  }
}

Task<> SendUploads::upload_file(ClientPtr& client, std::size_t file) {
  auto& plan = session_.plan;
  auto& calls = session_.calls;
  while (true) {
    const auto result = co_await upload_once(client, file);
    if (result) {
      plan.done(file);
      co_return;
    }
    const auto error = calls.explain(result.error());
    const auto next = plan.failed(file, error);
    if (next == transfer::NextStep::stop_session) calls.stop(error);
    if (next == transfer::NextStep::give_up || next == transfer::NextStep::stop_session) co_return;
    if (calls.stopped()) co_return;
    if (session_.payload.from_stdin) {
      // What came through a pipe cannot be read a second time.
      plan.abandon(error);
      co_return;
    }
    if (next == transfer::NextStep::retry_later)
      co_await calls.pause(retry_delay(plan.files()[file].attempts));
  }
}

Task<Result<>> SendUploads::upload_once(ClientPtr& client, std::size_t file) {
  if (client && !client->usable()) client.reset();
  if (!client) {
    auto fresh = co_await session_.connect();
    if (!fresh) co_return fresh.error();
    client = std::move(*fresh);
    if (session_.calls.stopped()) co_return session_.calls.reason();
  }
  const auto before = news_.bytes();
  const auto in_use = session_.calls.in_use(*client);
  const auto reply = co_await send_bytes(*client, file);
  const bool good = reply && reply->head.status == protocol::kOk;
  if (good) co_return Result<>();
  news_.take_back(std::min(news_.bytes() - std::min(before, news_.bytes()),
                           session_.plan.files()[file].info.size));
  if (!reply) co_return reply.error();
  // A "201" or "204" is no promise that the file is there (protocol.md trap 22).
  auto error = refusal(session_.peer, *reply, protocol::Action::upload);
  co_return error;
}

Task<Result<net::Reply>> SendUploads::send_bytes(net::HttpClient& client, std::size_t file) {
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
  net::Moved moved = [this](std::size_t bytes) { news_.moved(bytes); };
  auto reply = co_await client.upload(std::move(call), **source, info.size, std::move(moved));
  co_return reply;
}

Result<std::unique_ptr<ByteSource>> SendUploads::open_source(std::size_t file) const {
  const auto& payload = session_.payload;
  if (payload.is_message) return std::make_unique<TextSource>(payload.text);
  if (payload.from_stdin)
    return std::make_unique<StdinSource>(session_.plan.files()[file].info.size);
  auto source = storage::FileSource::open(payload.local[file]);
  if (!source) return source.error();
  return std::unique_ptr<ByteSource>(std::move(*source));
}

}  // namespace lsend::app
