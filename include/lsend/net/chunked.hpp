#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lsend/model/result.hpp"

namespace lsend::net {

/// Takes the chunked transfer coding (RFC 9112, 7.1) off, in place: what is left of a buffer of raw
/// bytes is moved to its front. Extensions are dropped and bounded (256 bytes a line), trailers too
/// (8 KiB in all).
class ChunkDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;  ///< raw bytes used
    std::size_t produced = 0;  ///< payload bytes, now at the front of the buffer
  };
  /// Stops after the last chunk and its trailers: what follows is the next message.
  /// Errc::bad_request for anything malformed, a chunk of 2^63 bytes or more among it.
  Result<Step> decode(std::span<std::byte> raw);
  bool done() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t {
    size_start,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer,
    trailer_lf,
    end_lf,
    done,
  };
  bool step_line(unsigned char c);
  bool end_of_size();

  State state_ = State::size_start;
  std::uint64_t left_ = 0;  ///< of the current chunk
  std::size_t line_ = 0;    ///< length of the current extension
  std::size_t trailers_ = 0;
};

}  // namespace lsend::net
