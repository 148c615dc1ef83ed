#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "lsend/protocol/codec.hpp"

namespace lsend::protocol {

/// Reads a prepare-upload request while it comes, in blocks of any size: neither its text nor a tree
/// of it is ever held, and no block takes longer than its own bytes do.
class PrepareDecoder {
 public:
  /// What becomes of the files: `count` is for a sender that cannot be let in. It hears of a mistake
  /// all the same, and costs no memory.
  enum class Files : std::uint8_t { keep, count };

  /// `request` names the message in errors.
  PrepareDecoder(std::string_view request, const JsonLimits& limits, Files files);
  PrepareDecoder(PrepareDecoder&&) noexcept;
  PrepareDecoder& operator=(PrepareDecoder&&) noexcept;
  ~PrepareDecoder();

  /// Errors of Codec::decode_prepare_upload(); after one nothing more may be fed.
  Result<> feed(std::string_view block);
  /// After the last block, once. With Files::count it has the first file at most.
  Result<PrepareUpload> finish(const DeviceDefaults& defaults);

  /// So far.
  std::size_t files() const;
  /// About how many bytes of memory the files take that are kept.
  std::size_t held() const;
  /// The sum of their sizes; it stops at 2^64 - 1.
  std::uint64_t bytes() const;

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace lsend::protocol
