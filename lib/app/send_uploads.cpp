#include "lib/app/send_uploads.hpp"

#include <algorithm>

#include "lib/app/hash_in_steps.hpp"
#include "lib/app/send_batch.hpp"
#include "lsend/model/log.hpp"
#include "lsend/model/text.hpp"
#include "lsend/protocol/query.hpp"
#include "lsend/protocol/repr_digest.hpp"
#include "lsend/protocol/status.hpp"
#include "lsend/transfer/connections.hpp"

namespace lsend::app {

namespace {

using transfer::NextStep;
using transfer::UploadFailure;

UploadFailure failure_of(const Error& error) {
  UploadFailure failure;
  failure.error = silence_is_absence(error);
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
  auto job = [&](net::TaskGroup& children) { return start_loops(children, std::move(client)); };
  co_await net::with_children(std::move(job));
}

Task<> SendUploads::start_loops(net::TaskGroup& children, ClientPtr client) {
  loops_of_ = &children;
  loops_ = std::max<std::size_t>(1, connections());
  children.spawn(upload_loop(std::move(client)));
  for (std::size_t i = 1; i < loops_; ++i) children.spawn(upload_loop(nullptr));
  co_return;
}

std::size_t SendUploads::connections() const {
  // v1 peers take one file after another (protocol.md 1.2).
  if (session_.peer.info.version.is_v1() || session_.payload.from_stdin) return 1;
  const auto waiting = session_.plan.waiting();
  const std::size_t jobs = session_.options.jobs;
  return jobs > 0 ? std::min(jobs, waiting) : transfer::first_connections(waiting);
}

/// Once, when the first answer tells that the peer is another lsend: apps on telephones are spared.
void SendUploads::add_connections(const net::HttpClient& client) {
  if (grown_) return;
  grown_ = true;
  const auto round_trip = client.round_trip();
  if (session_.options.jobs > 0 || session_.payload.from_stdin || !round_trip) return;
  if (session_.peer.info.version.is_v1()) return;
  const auto totals = session_.plan.totals();
  const auto files = std::max<std::size_t>(1, session_.plan.files().size() - totals.skipped);
  const auto most =
      transfer::worthwhile_connections(totals.open, totals.bytes_total / files, *round_trip);
  for (; loops_ < most; ++loops_) loops_of_->spawn(upload_loop(nullptr));
}

/// Sends one file after another over one connection, which it opens again when it has to.
Task<> SendUploads::upload_loop(ClientPtr client) {
  while (true) {
    co_await news_.wait_for_room();
    if (session_.calls.stopped()) co_return;
    const bool more = co_await upload_some(client);
    if (!more) co_return;
  }
}

/// The next file or files. False when there is none, or the peer wants fewer uploads at a time.
Task<bool> SendUploads::upload_some(ClientPtr& client) {
  if (takes_batches_ && client && client->usable()) {
    Batch batch(*this);
    if (batch.size() > 1) {
      const bool more = co_await upload_batch(client, batch);
      co_return more;
    }
  }
  const auto file = session_.plan.next();
  if (!file) co_return false;
  const bool more = co_await upload_and_tell(client, *file, std::nullopt);
  co_return more;
}

Task<bool> SendUploads::upload_and_tell(ClientPtr& client, std::size_t file,
                                        std::optional<UploadFailure> failure) {
  Stored stored;
  const bool more = co_await upload_file(client, file, stored, std::move(failure));
  const auto status = session_.plan.files()[file].status;
  // What was called off is reported with all the rest, what may be tried again when it was.
  const bool again = status == transfer::SendStatus::failed && session_.options.retry > 0;
  if (status == transfer::SendStatus::done || (status == transfer::SendStatus::failed && !again))
    news_.file(file, std::move(stored.sha256), stored.from);
  co_return more;
}

/// Until it is there or given up. `failure`: of a first attempt that has been made already. False
/// when the peer wants fewer uploads at a time.
Task<bool> SendUploads::upload_file(ClientPtr& client, std::size_t file, Stored& stored,
                                    std::optional<UploadFailure> failure) {
  auto& plan = session_.plan;
  auto& calls = session_.calls;
  for (bool tried = failure.has_value();; tried = false) {
    if (!tried) {
      failure = co_await upload_once(client, file, stored);
    }
    if (!failure) {
      plan.done(file);
      co_return true;
    }
    if (stored.damaged) {
      plan.refuted(file, failure->error);
      co_return true;
    }
    failure->error = calls.explain(failure->error);
    auto step = plan.failed(file, *failure);
    log(LogLevel::info, "upload of '" + escape_for_terminal(plan.files()[file].info.file_name) +
                            "', attempt " + std::to_string(plan.files()[file].attempts) + ": " +
                            failure->error.message());
    if (step.next == NextStep::stop_session) calls.stop(failure->error);
    // Thousands of files would each wait for a receiver that has been switched off.
    if (step.next == NextStep::give_up && failure->unconnected)
      plan.abandon_waiting(failure->error);
    if (step.next == NextStep::stop_session || step.next == NextStep::give_up) co_return true;
    if (step.next == NextStep::fewer_uploads) co_return false;
    if (calls.stopped()) co_return true;
    if (session_.payload.from_stdin) {
      // What came through a pipe cannot be read a second time.
      plan.abandon(failure->error);
      co_return true;
    }
    if (step.next == NextStep::read_again) {
      step = co_await read_again(file);
    }
    if (step.next != NextStep::retry && step.delay == Duration::zero()) co_return true;
    co_await calls.pause(step.delay);
    if (step.next != NextStep::retry) co_return true;
    if (calls.stopped()) co_return true;
  }
}

/// What went wrong, or nothing.
Task<std::optional<UploadFailure>> SendUploads::upload_once(ClientPtr& client, std::size_t file,
                                                            Stored& stored) {
  auto opened = co_await open_at_point(file);
  if (!opened) co_return failure_of(opened.error());
  if (opened->slow) client.reset();
  if (client && !client->usable()) {
    session_.plan.connection_ended();
    client.reset();
  }
  if (!client) {
    auto fresh = co_await session_.connect();
    if (!fresh) {
      auto failure = failure_of(fresh.error());
      failure.unconnected = true;
      co_return failure;
    }
    client = std::move(*fresh);
    if (session_.calls.stopped()) co_return failure_of(session_.calls.reason());
  }
  std::uint64_t moved = 0;
  const auto in_use = session_.calls.in_use(*client);
  news_.skip(file, opened->from);
  const auto size = session_.plan.files()[file].info.size - opened->from;
  const auto reply = co_await send_bytes(*client, file, *opened, moved);
  auto failure = co_await judge(file, reply, *opened->bytes, stored);
  if (failure) {
    news_.take_back(opened->from + moved);
    failure->moved = moved;
    failure->sent_all = moved >= size;
    co_return failure;
  }
  stored.from = opened->from;
  news_.remark(*opened->bytes);
  if (moved < size) news_.moved(file, static_cast<std::size_t>(size - moved));
  if (takes_batches_) add_connections(*client);
  co_return failure;
}

/// What an answer means; nothing for success.
Task<std::optional<UploadFailure>> SendUploads::judge(std::size_t file,
                                                      const Result<net::Reply>& reply,
                                                      HashedSource& sent, Stored& stored) {
  if (!reply) co_return failure_of(reply.error());
  const auto status = reply->head.status;
  const auto& announced = session_.plan.files()[file].info.sha256;
  if (status == protocol::kOk) {
    const auto compared =
        compare(file, reply->head.repr_digest, announced ? announced : sent.sha256(), stored);
    if (!compared) co_return failure_of(compared.error());
    co_return std::nullopt;
  }
  auto failure = failure_of(session_.peer, *reply);
  // A 200 may have been lost: another lsend tells what it has of a file that it refuses.
  const auto theirs = protocol::sha256_of_repr_digest(reply->head.repr_digest);
  if (failure.error.code() == Errc::forbidden && theirs && !session_.payload.from_stdin &&
      !session_.payload.is_message) {
    auto ours = announced;
    if (!ours) {
      auto digest = co_await hash_in_steps(local_file(file), session_.calls);
      if (digest) ours = std::move(*digest);
    }
    if (ours == theirs) {
      stored.sha256 = theirs;
      co_return std::nullopt;
    }
  }
  co_return failure;
}

/// What was announced with a sha256 has been hashed, and who gives no digest needs none.
bool SendUploads::worth_hashing(std::size_t file) const {
  return answers_digests_ && session_.options.checksum != ChecksumMode::never &&
         !session_.plan.files()[file].info.sha256;
}

/// Holds what the peer says it has stored against what was sent.
Result<> SendUploads::compare(std::size_t file, const std::string& field,
                              const std::optional<std::string>& ours, Stored& stored) {
  auto theirs = protocol::sha256_of_repr_digest(field);
  answers_digests_ = theirs.has_value();
  takes_batches_ = answers_digests_ && !session_.peer.info.version.is_v1();
  if (!theirs || !ours || session_.options.checksum == ChecksumMode::never) return {};
  if (*theirs == *ours) {
    stored.sha256 = std::move(theirs);
    return {};
  }
  stored.damaged = true;
  const auto name = escape_for_terminal(session_.plan.files()[file].info.file_name);
  return fail(Errc::checksum_mismatch, display_name(session_.peer) + " has stored '" + name +
                                           "' damaged: its sha256 there is " + *theirs +
                                           " and here " + *ours +
                                           "; remove it there and send it again");
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
                                                 Opened& opened, std::uint64_t& moved) {
  const auto size = session_.plan.files()[file].info.size - opened.from;
  auto call = call_for(file, opened.from);
  auto count = count_for(file, moved);
  auto reply = co_await client.upload(std::move(call), *opened.bytes, size, std::move(count));
  co_return reply;
}

net::Call SendUploads::call_for(std::size_t file, std::uint64_t from) const {
  const auto& info = session_.plan.files()[file].info;
  const auto& codec = session_.peer.codec();
  const auto& route = protocol::route_to(protocol::Action::upload, codec);
  std::vector<std::pair<std::string_view, std::string_view>> query;
  if (!session_.peer.info.version.is_v1()) query.emplace_back("sessionId", session_.id.str());
  query.emplace_back("fileId", info.id.str());
  query.emplace_back("token", session_.plan.files()[file].token.str());
  const auto offset = std::to_string(from);
  if (from > 0) query.emplace_back("offset", offset);
  net::Call call("POST", protocol::make_target(route.path, query));
  call.content_type = "application/octet-stream";
  call.answer_limit = session_.node.settings.stall_timeout;
  // As the apps do it; another lsend needs no such care, and takes it with others in one write.
  call.chunked_if_empty = !takes_batches_ && !session_.peer.is_lsend;
  return call;
}

net::Moved SendUploads::count_for(std::size_t file, std::uint64_t& moved) {
  return [this, file, &moved](std::size_t bytes) {
    moved += bytes;
    news_.moved(file, bytes);
  };
}

}  // namespace lsend::app
