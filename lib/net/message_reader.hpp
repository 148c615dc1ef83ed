#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lsend/net/chunked.hpp"
#include "lsend/net/http_head.hpp"
#include "lsend/net/plain_stream.hpp"

namespace lsend::net {

/// Reads HTTP/1 messages off a stream, for both ends: a head into a bounded buffer, a body straight
/// into the caller's.
template <AsyncStream Stream>
class MessageReader {
 public:
  explicit MessageReader(Stream& stream) : stream_(stream) {}

  /// Waits for the first byte of the next message. False: the stream ended or broke instead.
  Task<bool> wait_for_start() {
    while (begin_ == end_) {
      const auto ec = co_await read_more();
      if (ec) co_return false;
    }
    co_return true;
  }

  /// A whole head with its final blank line; valid until the next call. Errc::bad_request when the
  /// bytes cannot become one, Errc::head_too_large, or the error of the link.
  Task<Result<std::string_view>> read_head(const std::string& what) {
    std::size_t searched = 0;
    while (true) {
      skip_blank_lines();
      const std::string_view text(reinterpret_cast<const char*>(buffer_.data()) + begin_,
                                  end_ - begin_);
      if (!text.empty() && !is_token_start(static_cast<unsigned char>(text.front())))
        co_return fail(Errc::bad_request, what + ": the bytes are not HTTP");
      const auto from = searched > 3 ? searched - 3 : 0;
      const auto found = text.find("\r\n\r\n", from);
      if (found != std::string_view::npos) {
        begin_ += found + 4;
        co_return text.substr(0, found + 4);
      }
      if (text.find("\n\n", from) != std::string_view::npos)
        co_return fail(Errc::bad_request, what + ": lines do not end in CRLF");
      if (text.size() >= kMaxHead)
        co_return fail(Errc::head_too_large, what + ": the head is over 16 KiB");
      searched = text.size();
      const auto ec = co_await read_more();
      if (ec) co_return link_error(stream_.link(), ec, what);
    }
  }

  void start_body(const Framing& framing, bool until_close) {
    framing_ = framing;
    until_close_ = until_close;
    decoder_ = ChunkDecoder();
    left_ = framing.content_length.value_or(0);
    ended_ = !framing.has_body() && !until_close;
  }
  bool body_done() const { return ended_; }
  /// Bytes behind the last message are there already.
  bool has_more() const { return begin_ != end_; }

  /// Fills some of `buffer`; 0 at the end of the body.
  Task<Result<std::size_t>> read_body(std::span<std::byte> buffer, const std::string& what) {
    while (!ended_) {
      auto room = buffer;
      if (!framing_.chunked && !until_close_)
        room =
            buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer.size())));
      const bool from_buffer = begin_ != end_;
      const auto raw = co_await read_raw(room);
      if (raw.ec == asio::error::eof && until_close_) {
        ended_ = true;
        break;
      }
      if (raw.ec) co_return link_error(stream_.link(), raw.ec, what);
      const auto taken = take(room.first(raw.bytes), from_buffer);
      if (!taken) co_return taken.error();
      if (*taken > 0) co_return *taken;
    }
    co_return std::size_t{0};
  }

 private:
  static bool is_token_start(unsigned char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  }

  /// A few empty lines before a message are allowed (RFC 9112, 2.2).
  void skip_blank_lines() {
    while (end_ - begin_ >= 2 && buffer_[begin_] == std::byte{'\r'} &&
           buffer_[begin_ + 1] == std::byte{'\n'})
      begin_ += 2;
  }

  Task<error_code> read_more() {
    if (buffer_.empty()) buffer_.resize(kMaxHead + 1024);
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == buffer_.size()) co_return asio::error::no_buffer_space;
    const auto got = co_await stream_.read_some(std::span(buffer_).subspan(end_));
    end_ += got.bytes;
    co_return got.ec;
  }

  /// What came behind the last head first, then the stream.
  Task<IoResult> read_raw(std::span<std::byte> room) {
    IoResult result;
    if (begin_ == end_) {
      result = co_await stream_.read_some(room);
      co_return result;
    }
    result.bytes = std::min(room.size(), end_ - begin_);
    std::memcpy(room.data(), buffer_.data() + begin_, result.bytes);
    begin_ += result.bytes;
    co_return result;
  }

  /// Accounts for raw bytes of a body: takes the framing off and keeps what belongs to the next
  /// message. How many payload bytes are at the front.
  Result<std::size_t> take(std::span<std::byte> raw, bool from_buffer) {
    if (until_close_) return raw.size();
    if (!framing_.chunked) {
      left_ -= raw.size();
      ended_ = left_ == 0;
      return raw.size();
    }
    const auto step = decoder_.decode(raw);
    if (!step) return step.error();
    ended_ = decoder_.done();
    give_back(raw.subspan(step->consumed), from_buffer);
    return step->produced;
  }

  void give_back(std::span<const std::byte> rest, bool from_buffer) {
    if (rest.empty()) return;
    if (from_buffer) {
      begin_ -= rest.size();
      return;
    }
    buffer_.resize(std::max(buffer_.size(), rest.size()));
    std::copy(rest.begin(), rest.end(), buffer_.begin());
    begin_ = 0;
    end_ = rest.size();
  }

  Stream& stream_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Framing framing_;
  ChunkDecoder decoder_;
  std::uint64_t left_ = 0;
  bool until_close_ = false;
  bool ended_ = true;
};

}  // namespace lsend::net
