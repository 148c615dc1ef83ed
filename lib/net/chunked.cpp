#include "lsend/net/chunked.hpp"

#include <algorithm>
#include <cstring>

namespace lsend::net {

namespace {

constexpr std::size_t kMaxSizeDigits = 16;
/// No file is larger than a signed offset, so no chunk is.
constexpr std::uint64_t kTooLarge = std::uint64_t{1} << 63U;
constexpr std::size_t kMaxExtension = 256;
constexpr std::size_t kMaxTrailers = 8 * 1024;

int hex_digit(unsigned char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<ChunkDecoder::Step> ChunkDecoder::decode(std::span<std::byte> raw) {
  Step step;
  while (step.consumed < raw.size() && state_ != State::done) {
    if (state_ == State::data) {
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>(left_, raw.size() - step.consumed));
      std::memmove(raw.data() + step.produced, raw.data() + step.consumed, size);
      step.consumed += size;
      step.produced += size;
      left_ -= size;
      if (left_ == 0) state_ = State::data_cr;
      continue;
    }
    if (!step_line(static_cast<unsigned char>(raw[step.consumed])))
      return fail(Errc::bad_request, "a chunked body is malformed");
    ++step.consumed;
  }
  return step;
}

/// Takes one byte of the framing; false when it does not belong there.
bool ChunkDecoder::step_line(unsigned char c) {
  switch (state_) {
    case State::size_start:
    case State::size: {
      const int digit = hex_digit(c);
      if (digit >= 0) {
        if (state_ == State::size_start) line_ = 0;
        if (left_ >= kTooLarge / 16 || ++line_ > kMaxSizeDigits) return false;
        left_ = left_ * 16 + static_cast<unsigned>(digit);
        state_ = State::size;
        return true;
      }
      if (state_ == State::size_start) return false;
      line_ = 0;
      if (c == ';' || c == ' ' || c == '\t')
        state_ = State::extension;
      else if (c == '\r')
        state_ = State::size_lf;
      else
        return false;
      return true;
    }
    case State::extension:
      if (c == '\r')
        state_ = State::size_lf;
      else if (c == '\n' || ++line_ > kMaxExtension)
        return false;
      return true;
    case State::size_lf:
      return c == '\n' && end_of_size();
    case State::data_cr:
      state_ = State::data_lf;
      return c == '\r';
    case State::data_lf:
      state_ = State::size_start;
      return c == '\n';
    case State::trailer_start:
      state_ = c == '\r' ? State::end_lf : State::trailer;
      return c != '\n' && ++trailers_ <= kMaxTrailers;
    case State::trailer:
      if (c == '\r') state_ = State::trailer_lf;
      return c != '\n' && ++trailers_ <= kMaxTrailers;
    case State::trailer_lf:
      state_ = State::trailer_start;
      return c == '\n';
    case State::end_lf:
      state_ = State::done;
      return c == '\n';
    case State::data:
    case State::done:
      break;
  }
  return false;
}

bool ChunkDecoder::end_of_size() {
  state_ = left_ == 0 ? State::trailer_start : State::data;
  return true;
}

}  // namespace lsend::net
