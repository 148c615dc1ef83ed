#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstring>

#include "lib/net/message_reader.hpp"
#include "lsend/net/http_client.hpp"
#include "lsend/net/task_group.hpp"

namespace lsend::net {

// One read of the disk, 16 TLS records, one or two writes of the socket (performance.md 3.3).
inline constexpr std::size_t kBlock = 256 * 1024;
// How long a peer that broke off our body has to say why.
inline constexpr Duration kLastWords{1000};
// How long the words of a refusal may take; its status counts without them.
inline constexpr Duration kWords{5000};
// How long a pipe may take to end after the last byte of a body.
inline constexpr Duration kEndOfInput{2000};
inline constexpr Duration kLookForEnd{10};

inline std::string render_call(const Call& call, const Endpoint& peer, std::uint64_t size) {
  std::string head = call.method + " " + call.target + " HTTP/1.1\r\nHost: " + peer.authority() +
                     "\r\nUser-Agent: lsend/" LSEND_VERSION "\r\n";
  if (!call.content_type.empty()) head += "Content-Type: " + call.content_type + "\r\n";
  if (size == 0 && call.chunked_if_empty)
    return head + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  if (call.method != "GET") head += "Content-Length: " + std::to_string(size) + "\r\n";
  return head + "\r\n";
}

using InputDescriptor = asio::posix::basic_stream_descriptor<Executor>;

/// The client's end of a kept-alive connection.
template <class Stream>
class ClientConnection final : public HttpClient {
 public:
  template <class... Args>
  ClientConnection(Endpoint peer, ConnectOptions options, TcpSocket socket, Args&&... args)
      : peer_(std::move(peer)),
        options_(std::move(options)),
        stream_(std::move(socket), std::forward<Args>(args)...),
        reader_(stream_),
        local_(stream_.link().local_address()) {}

  Stream& stream() { return stream_; }
  void learn_peer() {
    fingerprint_ = stream_.peer_fingerprint();
    weak_ = stream_.peer_is_weak();
  }

  bool usable() const override { return usable_; }
  void abort() override {
    usable_ = false;
    stream_.link().abort();
    stop_waiting_for_input();
  }
  const std::optional<Fingerprint>& peer_fingerprint() const override { return fingerprint_; }
  bool peer_is_weak() const override { return weak_; }
  std::string local_address() const override { return local_; }
  std::optional<std::chrono::microseconds> round_trip() const override {
    return stream_.link().round_trip();
  }

  Task<Result<Reply>> call(Call call, std::string_view body) override {
    auto message = render_call(call, peer_, body.size());
    // A small message leaves in one piece, a large one is not copied.
    const bool together = body.size() <= kBlock;
    if (together) message += body;
    stream_.link().limit_idle(options_.stall_limit);
    auto sent = co_await stream_.write(std::as_bytes(std::span(message)));
    if (!sent.ec && !together) {
      sent = co_await stream_.write(std::as_bytes(std::span(body)));
    }
    // A peer may answer and close before it has read everything.
    auto reply = co_await read_reply(call, sent.ec ? kLastWords : call.answer_limit);
    if (sent.ec && !reply) reply = cause_of_break(sent.ec, std::move(reply));
    co_return settle(std::move(reply));
  }

  Task<Result<Reply>> upload(Call call, ByteSource& source, std::uint64_t size,
                             Moved moved) override {
    buffer_.resize(kBlock);
    const auto head = render_call(call, peer_, size);
    std::memcpy(buffer_.data(), head.data(), head.size());
    stream_.link().limit_idle(options_.stall_limit);
    Outgoing body{source, size, std::move(moved), head.size(), {}};
    if (head.size() + size <= kBlock) {
      const auto sent = co_await send_body(body, nullptr);
      if (!body.failure.message().empty()) co_return give_up(body.failure);
      auto reply = co_await read_reply(call, sent ? kLastWords : call.answer_limit);
      if (sent) reply = cause_of_break(sent, std::move(reply));
      co_return settle(check_taken(std::move(reply)));
    }
    auto reply = co_await upload_listening(call, body);
    co_return settle(check_taken(std::move(reply)));
  }

  Task<std::vector<Result<Reply>>> upload_together(std::span<Upload> uploads) override {
    std::vector<Result<Reply>> replies;
    auto batch = gather(uploads);
    if (batch.ends.empty()) {
      replies.emplace_back(batch.failure);
      co_return replies;
    }
    stream_.link().limit_idle(options_.stall_limit);
    const auto sent = co_await stream_.write(std::span(buffer_).first(batch.ends.back()));
    for (std::size_t i = 0; i < batch.ends.size() && usable_; ++i) {
      const auto& call = uploads[i].call;
      if (!sent.ec && uploads[i].moved) uploads[i].moved(uploads[i].size);
      const auto limit = sent.ec ? kLastWords : call.answer_limit;
      // What is there already needs no limit.
      const auto wait = reader_.has_more() ? Duration::zero() : limit;
      auto reply = co_await read_reply(call, wait, i + 1 < batch.ends.size());
      if (sent.ec) reply = cause_of_break(sent.ec, std::move(reply));
      const auto behind = batch.ends.back() - batch.ends[i];
      replies.push_back(settle(check_taken(std::move(reply), behind)));
    }
    co_return replies;
  }

 private:
  /// Whole requests at the front of buffer_: where each ends, or why there is none.
  struct Batch {
    std::vector<std::size_t> ends;
    Error failure = fail(Errc::limit, "an upload that is too large to leave with others");
  };
  struct Outgoing {
    ByteSource& source;
    std::uint64_t left;
    Moved moved;
    std::size_t filled;  ///< bytes at the front of buffer_ that are not body
    Error failure;       ///< of the source
  };
  /// What the reader next to a big upload has heard.
  struct Listener {
    std::optional<Result<Reply>> reply;
    bool sending = true;
    bool refused() const { return reply && (!*reply || (*reply)->head.status / 100 != 2); }
  };

  Batch gather(std::span<Upload> uploads) {
    buffer_.resize(kBlock);
    Batch batch;
    std::size_t used = 0;
    for (auto& upload : uploads) {
      const auto head = render_call(upload.call, peer_, upload.size);
      const auto room = buffer_.size() - used;
      if (head.size() > room || upload.size > room - head.size()) break;
      std::memcpy(buffer_.data() + used, head.data(), head.size());
      const auto body =
          std::span(buffer_).subspan(used + head.size(), static_cast<std::size_t>(upload.size));
      const auto filled = fill(body, *upload.source);
      if (!filled) {
        batch.failure = filled.error();
        break;
      }
      used += head.size() + body.size();
      batch.ends.push_back(used);
    }
    return batch;
  }

  static Result<> fill(std::span<std::byte> room, ByteSource& source) {
    while (!room.empty()) {
      const auto bytes = source.read(room);
      if (!bytes) return bytes.error();
      if (*bytes == 0) return source_too_short();
      room = room.subspan(*bytes);
    }
    return {};
  }
  static Error source_too_short() {
    return fail(Errc::io, "a file ended before its announced size");
  }

  /// Sends the head in buffer_ and the whole body. Stops when `listener` has heard a refusal.
  Task<error_code> send_body(Outgoing& body, const Listener* listener) {
    std::size_t head = body.filled;
    do {
      const auto room =
          static_cast<std::size_t>(std::min<std::uint64_t>(body.left, buffer_.size() - head));
      std::size_t filled = 0;
      while (filled < room) {
        if (body.source.blocking_descriptor() >= 0) {
          // What is there goes out before we wait for more.
          if (filled > 0) break;
          const auto ec = co_await wait_for_input(body.source.blocking_descriptor());
          if (ec) co_return ec;
          if (listener && listener->refused()) co_return error_code();
        }
        const auto bytes =
            body.source.read(std::span(buffer_).subspan(head + filled, room - filled));
        if (!bytes || *bytes == 0) {
          body.failure = bytes ? source_too_short() : bytes.error();
          co_return error_code();
        }
        filled += *bytes;
      }
      if (filled == body.left) {
        const auto ec = co_await check_end(body, listener);
        if (ec || !body.failure.message().empty()) co_return ec;
        if (listener && listener->refused()) co_return error_code();
      }
      const auto sent = co_await stream_.write(std::span(buffer_).first(head + filled));
      if (sent.ec) co_return sent.ec;
      body.left -= filled;
      if (body.moved) body.moved(filled);
      head = 0;
      if (listener && listener->refused()) co_return error_code();
    } while (body.left > 0);
    co_return error_code();
  }

  /// A pipe must end where the body does. The last bytes wait for that: without them the peer
  /// publishes nothing. One that is kept open in silence is taken at its word.
  Task<error_code> check_end(Outgoing& body, const Listener* listener) {
    pollfd input{body.source.blocking_descriptor(), POLLIN, 0};
    if (input.fd < 0) co_return error_code();
    auto& link = stream_.link();
    link.no_limit();
    const auto until = Clock::now() + kEndOfInput;
    while (::poll(&input, 1, 0) == 0) {
      if (link.aborted()) co_return asio::error::operation_aborted;
      if (Clock::now() >= until || (listener && listener->refused())) break;
      co_await sleep_for(kLookForEnd);
    }
    link.limit_idle(options_.stall_limit);
    if (input.revents == 0) co_return error_code();
    const auto ended = body.source.check_end();
    if (!ended) body.failure = ended.error();
    co_return error_code();
  }

  /// Waits until a pipe has bytes. The peer is not to blame for the time that takes.
  Task<error_code> wait_for_input(int descriptor) {
    auto& link = stream_.link();
    if (!input_) {
      input_.emplace(link.socket().get_executor());
      error_code ec;
      const int copy = ::dup(descriptor);
      if (copy >= 0) input_->assign(copy, ec);
      // Regular files cannot be waited for and need not be.
      if (copy < 0 || ec) input_.reset();
      if (!input_) co_return error_code();
    }
    link.no_limit();
    // Asio makes the descriptor non-blocking, and whoever shares standard input with us with it.
    const int flags = ::fcntl(descriptor, F_GETFL);
    [[maybe_unused]] auto [ec] = co_await input_->async_wait(InputDescriptor::wait_read, use_tuple);
    if (flags >= 0) (void)::fcntl(descriptor, F_SETFL, flags);
    link.limit_idle(options_.stall_limit);
    if (link.aborted()) co_return asio::error::operation_aborted;
    // Called off because an answer came: the caller looks at it. Anything else: just read.
    co_return error_code();
  }

  void stop_waiting_for_input() {
    error_code ignored;
    if (input_) input_->cancel(ignored);
  }

  /// Sends while somebody reads what the peer has to say meanwhile.
  Task<error_code> send_beside_listener(TaskGroup& children, const Call& call, Outgoing& body,
                                        Listener& listener) {
    children.spawn(listen(call, listener));
    const auto sent = co_await send_body(body, &listener);
    listener.sending = false;
    // Closing without the rest is what tells the peer that this file is not whole.
    if (!body.failure.message().empty())
      stream_.link().abort();
    else if (!listener.reply)
      stream_.link().limit_drained(sent ? kLastWords : call.answer_limit);
    co_return sent;
  }

  Task<Result<Reply>> upload_listening(const Call& call, Outgoing& body) {
    Listener listener;
    auto job = [&](TaskGroup& children) {
      return send_beside_listener(children, call, body, listener);
    };
    const auto sent = co_await with_children(std::move(job));
    if (!body.failure.message().empty()) co_return body.failure;
    // Whoever read of the break first has ended the write, and knows why.
    const bool read_first = sent == asio::error::operation_aborted && !*listener.reply;
    if (sent && !read_first) co_return cause_of_break(sent, std::move(*listener.reply));
    if (body.left > 0) usable_ = false;
    co_return std::move(*listener.reply);
  }

  Task<> listen(const Call& call, Listener& listener) {
    // The sender's stall limit watches over both directions while it sends.
    auto reply = co_await read_reply(call, Duration::zero());
    listener.reply = std::move(reply);
    if (!listener.sending || !listener.refused()) co_return;
    stream_.link().cancel_pending();
    stop_waiting_for_input();
  }

  /// `limit` zero leaves the link's limit as it is until the head is there. `more`: other requests
  /// are out, whose answers may follow.
  Task<Result<Reply>> read_reply(const Call& call, Duration limit, bool more = false) {
    auto& link = stream_.link();
    if (limit > Duration::zero()) link.limit_drained(limit);
    Reply reply;
    constexpr int kMaxInterim = 8;
    for (int interim = 0;; ++interim) {
      const auto text = co_await reader_.read_head(what());
      if (!text) co_return as_reply_error(text.error());
      auto head = parse_response_head(*text);
      if (!head) co_return head.error();
      reply.head = std::move(*head);
      if (reply.head.status / 100 != 1) break;
      if (interim == kMaxInterim)
        co_return fail(Errc::protocol, what() + ": too many interim answers");
    }
    const bool compressed =
        !reply.head.content_encoding.empty() && reply.head.content_encoding != "identity";
    // A refusal is heard whatever becomes of the words that go with it.
    const bool refusal = reply.head.status / 100 != 2;
    if (compressed && !refusal)
      co_return fail(Errc::protocol, what() + ": a compressed answer was not asked for");
    reader_.start_body(reply.head.framing, reply.head.until_close);
    if (!reader_.body_done()) {
      link.limit_total(refusal ? std::min(options_.stall_limit, kWords) : options_.stall_limit);
      auto failure = co_await read_reply_body(call, reply.body);
      if (!failure && (!refusal || link.aborted())) co_return failure.error();
      if (!failure) usable_ = false;
    }
    if (compressed) reply.body.clear();
    // What follows an answer is no answer to the next request; some send a body with a 204.
    if (!reply.head.keep_alive || reply.head.until_close || reply.head.status == 204 ||
        (!more && reader_.has_more()))
      usable_ = false;
    co_return reply;
  }

  Task<Result<>> read_reply_body(const Call& call, std::string& body) {
    std::vector<std::byte> block(16 * 1024);
    while (true) {
      const auto bytes = co_await reader_.read_body(block, what());
      if (!bytes) co_return as_reply_error(bytes.error());
      if (*bytes == 0) co_return Result<>();
      if (body.size() + *bytes > call.max_answer)
        co_return fail(Errc::protocol, what() + ": the answer is larger than allowed");
      body.append(reinterpret_cast<const char*>(block.data()), *bytes);
    }
  }

  /// What a server would call a bad request is, from a peer, an answer that is not understood.
  static Error as_reply_error(const Error& error) {
    const bool malformed =
        error.code() == Errc::bad_request || error.code() == Errc::head_too_large;
    return malformed ? fail(Errc::protocol, error.message()) : error;
  }

  Result<Reply> broken(const error_code& ec) { return link_error(stream_.link(), ec, what()); }

  /// What is told when the write broke with `ec` and `reply` is what could still be read: the
  /// peer's refusal, or that it does not accept our certificate, is the cause and the break its
  /// consequence. A success for what was not written is none (reliability.md S12).
  Result<Reply> cause_of_break(const error_code& ec, Result<Reply> reply) {
    const bool refused = reply && reply->head.status / 100 != 2;
    const bool identity = !reply && reply.error().code() == Errc::identity;
    if (refused || identity) return reply;
    return broken(ec);
  }

  /// A success for a body that the peer's host has not even acknowledged is none (reliability.md
  /// S12): an honest answer comes with the acknowledgement of every byte before it. `behind`: bytes
  /// of later requests, to which TLS adds less than a part in 64 and its last record.
  Result<Reply> check_taken(Result<Reply> reply, std::size_t behind = 0) {
    const auto open = behind == 0 ? 0 : behind + behind / 64 + 64;
    if (!reply || reply->head.status / 100 != 2 || stream_.link().unacknowledged() <= open)
      return reply;
    return fail(Errc::unreachable, what() + ": the peer answered before it had the whole file");
  }

  Result<Reply> give_up(const Error& failure) {
    abort();
    return failure;
  }

  Result<Reply> settle(Result<Reply> reply) {
    if (!reply) usable_ = false;
    return reply;
  }

  std::string what() const { return peer_.url(); }

  Endpoint peer_;
  ConnectOptions options_;
  Stream stream_;
  MessageReader<Stream> reader_;
  std::string local_;
  std::optional<Fingerprint> fingerprint_;
  std::vector<std::byte> buffer_;
  std::optional<InputDescriptor> input_;  ///< of a source that may block
  bool usable_ = true;
  bool weak_ = false;
};

}  // namespace lsend::net
