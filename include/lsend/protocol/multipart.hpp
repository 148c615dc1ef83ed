#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "lsend/model/result.hpp"

namespace lsend::protocol {

/// Hears a form's files in their order. An error of its own ends the reading.
class FormHandler {
 public:
  virtual ~FormHandler() = default;
  /// `name` as the sender wrote it: may be empty, hostile, no UTF-8.
  virtual Result<> begin_file(std::string name) = 0;
  virtual Result<> file_bytes(std::span<const std::byte> bytes) = 0;
  /// The boundary behind the file has come: the file is whole.
  virtual Result<> end_file() = 0;
};

/// Reads a multipart/form-data body (RFC 7578, 2046) as it comes, in pieces of any size, and keeps
/// none of it. Parts without a file name are passed over. Errc::bad_request for what is malformed,
/// Errc::limit for too much that is no file; after an error it reads no more.
class MultipartParser {
 public:
  static constexpr std::size_t kMaxPartHead = 8 * 1024;
  static constexpr std::size_t kMaxPartFields = 20;
  static constexpr std::size_t kMaxIgnored = 1024 * 1024;  ///< bytes that belong to no file

  /// By the Content-Type of the request.
  static Result<MultipartParser> for_type(std::string_view content_type);

  Result<> feed(std::span<const std::byte> bytes, FormHandler& handler);
  /// The body has ended: Errc::bad_request when the form had not.
  Result<> finish(FormHandler& handler);

 private:
  enum class State { content, head, done };
  enum class Match { more, none, delimiter, close };

  explicit MultipartParser(const std::string& boundary);
  Result<std::size_t> take_content(std::string_view text, FormHandler& handler);
  Result<std::size_t> take_head(std::string_view text, FormHandler& handler);
  Match match(char next);
  void drop_candidate();
  Result<> hand_over(std::string_view content, FormHandler& handler);
  Result<> ignore(std::size_t bytes);
  Result<> end_section(Match how, FormHandler& handler);

  std::string delimiter_;  ///< CR LF "--" boundary
  State state_ = State::content;
  bool in_file_ = false;   ///< else the content is nobody's: preamble, field
  std::string candidate_;  ///< what may become a delimiter
  /// The candidate begins with this much that is no content: the line before it ended there.
  std::size_t borrowed_ = 0;
  std::string head_;
  std::size_t ignored_ = 0;
};

}  // namespace lsend::protocol
