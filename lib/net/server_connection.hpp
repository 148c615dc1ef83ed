#pragma once

#include <array>
#include <memory>

#include "lib/net/message_reader.hpp"
#include "lsend/model/log.hpp"
#include "lsend/model/text.hpp"
#include "lsend/net/http_server.hpp"

namespace lsend::net {

/// More than the buffers of two kernels hold (Linux: 4 MiB sent, 6 MiB received), so that a peer
/// which stops at our answer has always been heard out.
inline constexpr std::size_t kLingerBytes = 32 * 1024 * 1024;
inline constexpr Duration kLingerTime = std::chrono::seconds(5);
inline constexpr Duration kAnswerTime = std::chrono::seconds(30);

inline std::string render_answer(const Answer& answer, bool keep_alive) {
  constexpr std::size_t kUsualHead = 256;
  std::string text;
  text.reserve(kUsualHead + answer.body.size());
  const auto add = [&text](const auto&... parts) { (text.append(parts), ...); };
  add("HTTP/1.1 ", std::to_string(answer.status), " ", reason_phrase(answer.status), "\r\n");
  if (!answer.body.empty()) add("Content-Type: ", answer.content_type, "\r\n");
  if (answer.status != 204) add("Content-Length: ", std::to_string(answer.body.size()), "\r\n");
  for (const auto& [name, value] : answer.fields) add(name, ": ", value, "\r\n");
  if (!keep_alive) add("Connection: close\r\n");
  add("\r\n", answer.body);
  return text;
}

/// Whatever an exception ends, somebody hears why.
inline void failed_inside(const PeerAddress& peer, std::string_view doing,
                          const char* what) noexcept try {
  log_failure(peer.str(), std::string(doing) + " failed inside: " + what, Clock::now());
} catch (...) {
  log_failure("a peer", "a request failed inside: out of memory", Clock::now());
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// One kept-alive connection: requests one after another.
template <class Stream>
class Connection final : public Exchange {
 public:
  template <class... Args>
  Connection(HttpServer& server, HttpServer::Live& live, Scheme scheme, TcpSocket socket,
             Args&&... args)
      : server_(server),
        live_(live),
        stream_(std::move(socket), std::forward<Args>(args)...),
        reader_(stream_) {
    scheme_ = scheme;
    peer_ = live.address;
    live_.abort = [this] { abort(); };
    live_.contact = contact_;
  }
  ~Connection() override {
    live_.abort = nullptr;
    contact_->end(Clock::now());
  }

  Stream& stream() { return stream_; }

  Task<> serve() {
    fingerprint_ = stream_.peer_fingerprint();
    while (!server_.stopping_) {
      const auto go_on = co_await serve_one();
      if (!go_on) break;
    }
    (void)co_await stream_.flush();
  }

  Task<Result<std::size_t>> read_body(std::span<std::byte> buffer) override {
    const bool first = head_.expects_continue && !answered_;
    return first ? invite_body(buffer) : reader_.read_body(buffer, what_);
  }

  Task<bool> respond(Answer answer) override {
    if (answered_) co_return false;
    answered_ = true;
    // An answer before the end of the body ends the connection: what still comes is no request.
    keep_ = keep_ && !answer.close && head_.keep_alive && reader_.body_done() && !server_.stopping_;
    stream_.link().limit_idle(kAnswerTime);
    const auto text = render_answer(answer, keep_);
    // Answers to requests that are there already leave together: before the next wait at the
    // latest.
    const bool later = keep_ && (reader_.has_more() || stream_.has_input());
    auto pending = later ? stream_.write_later(bytes_of(text)) : stream_.write(bytes_of(text));
    const auto sent = co_await std::move(pending);
    if (sent.ec) keep_ = false;
    if (log_enabled(LogLevel::debug))
      log(LogLevel::debug, peer().str() + ": " + head_.method + " " +
                               escape_for_terminal(head_.target) + " " +
                               std::to_string(answer.status));
    co_return !sent.ec;
  }

  Task<> until_peer_leaves() override {
    auto& link = stream_.link();
    (void)co_await stream_.flush();
    link.no_limit();
    if (!reader_.body_done()) {
      co_await link.until_closed();
    }
    std::array<std::byte, 1024> nothing{};
    // The request is complete: any byte now is a pipelined one, and only the end matters.
    while (reader_.body_done()) {
      const auto got = co_await stream_.read_some(nothing);
      if (got.ec) break;
      keep_ = false;
    }
    link.limit_idle(server_.limits_.body_idle);
  }

  std::shared_ptr<const Contact> contact() const override { return contact_; }
  void await_next(Duration limit) override {
    next_limit_ = std::max(limit, server_.limits_.keep_alive);
    if (!std::exchange(watches_host_, true)) stream_.link().watch_host();
  }

  void protect() override {
    live_.protect = true;
    stream_.keep_buffers();
  }
  void limit_body(Duration limit) override { stream_.link().limit_total(limit); }
  void wake() override { stream_.link().cancel_pending(); }
  void abort() override { stream_.link().abort(); }

 private:
  Task<Result<std::size_t>> invite_body(std::span<std::byte> buffer) {
    head_.expects_continue = false;
    const auto sent = co_await stream_.write(bytes_of("HTTP/1.1 100 Continue\r\n\r\n"));
    if (sent.ec) co_return link_error(stream_.link(), sent.ec, what_);
    auto bytes = co_await reader_.read_body(buffer, what_);
    co_return bytes;
  }

  Task<bool> serve_one() {
    auto& link = stream_.link();
    live_.busy = false;
    live_.protect = false;
    live_.since = Clock::now();
    link.limit_total(std::exchange(next_limit_, server_.limits_.keep_alive));
    const auto started = co_await reader_.wait_for_start();
    if (!started) {
      if (link.timed_out()) contact_->close_here();
      co_return false;
    }
    live_.since = Clock::now();
    answered_ = false;
    link.limit_total(server_.limits_.head);
    const auto text = co_await reader_.read_head(what_);
    auto head = text ? parse_request_head(*text) : Result<RequestHead>(text.error());
    if (!head) {
      keep_ = false;
      head_ = RequestHead();
      auto error = head.error();
      if (error.code() == Errc::unreachable || error.code() == Errc::cancelled) co_return false;
      log_refusal(peer().str(), "refused: " + error.message(), Clock::now());
      auto answer = server_.handler_.refuse(error);
      co_await respond(std::move(answer));
      co_await linger();
      co_return false;
    }
    head_ = std::move(*head);
    live_.busy = true;
    reader_.start_body(head_.framing, false);
    link.limit_idle(server_.limits_.body_idle);
    const bool ended = co_await handle();
    if (!ended) {
      co_await answer_failure();
    }
    if (!answered_) co_return false;
    const bool unread = !reader_.body_done();
    if (keep_ && !unread) co_return true;
    co_await linger();
    co_return false;
  }

  /// False when the handler ended by an exception, which is no fault of the request.
  Task<bool> handle() {
    try {
      co_await server_.handler_.handle(*this);
      co_return true;
    } catch (const std::exception& failure) {
      if (is_cancellation(std::current_exception())) throw;
      failed_inside(peer(), head_.method + " " + head_.target, failure.what());
    }
    co_return false;
  }

  Task<> answer_failure() {
    keep_ = false;
    auto answer = server_.handler_.refuse(fail(Errc::failed, "the request failed inside"));
    co_await respond(std::move(answer));
  }

  /// Lets a peer that is still sending hear our answer: a plain close would reset the connection
  /// and take the answer with it (protocol.md trap 23).
  Task<> linger() {
    auto& link = stream_.link();
    link.limit_total(kLingerTime);
    co_await stream_.shutdown();
    std::vector<std::byte> waste(64 * 1024);
    std::size_t total = 0;
    while (total < kLingerBytes) {
      const auto got = co_await link.receive(waste);
      if (got.ec) co_return;
      total += got.bytes;
    }
  }

  HttpServer& server_;
  HttpServer::Live& live_;
  Stream stream_;
  std::shared_ptr<Contact> contact_ = std::make_shared<Contact>(stream_.link());
  Duration next_limit_ = server_.limits_.keep_alive;  ///< until the next request begins
  MessageReader<Stream> reader_;
  const std::string what_ = "request";
  bool watches_host_ = false;
  bool answered_ = false;
  bool keep_ = true;
};

}  // namespace lsend::net
