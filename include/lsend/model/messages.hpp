#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lsend/model/device.hpp"
#include "lsend/model/ids.hpp"
#include "lsend/model/resume.hpp"
#include "lsend/model/time.hpp"

namespace lsend {

/// A file as its sender announces it. `size` in bytes.
struct FileInfo {
  FileId id;
  std::string file_name;  ///< UTF-8, '/' between folders; not yet safe to use as a path
  std::uint64_t size = 0;
  std::string file_type;  ///< MIME type; v1's words come as "image/*", "text/plain", ...
  std::optional<std::string> sha256;  ///< 64 hex digits, any case
  std::optional<std::string> preview;
  std::optional<FileTime> modified;
  std::optional<FileTime> accessed;
  bool executable = false;  ///< its owner may run it; between two lsend
  /// Bytes that it takes on its sender's disk, where it has holes; between two lsend.
  std::optional<std::uint64_t> allocated{};

  friend bool operator==(const FileInfo&, const FileInfo&) = default;
};

/// Bytes of a disk that keeps holes which it needs, by its sender's word.
inline std::uint64_t room_of(const FileInfo& file) {
  return file.allocated && *file.allocated < file.size ? *file.allocated : file.size;
}

/// One datagram of discovery. `wants_answer` is false in a peer's UDP answer.
struct Announcement {
  DeviceInfo device;
  bool wants_answer = true;
};

/// v2 `prepare-upload`, v1 `send-request`.
struct PrepareUpload {
  DeviceInfo info;
  std::vector<FileInfo> files;
  ResumeWish resume{};  ///< v2
};

/// The ids that were accepted, each with its token. `session` is empty in v1.
struct PrepareUploadReply {
  SessionId session;
  std::vector<std::pair<FileId, Token>> tokens;
  bool resumes = false;  ///< v2: the receiver heard the wish to resume, and keeps what breaks off
  std::vector<std::pair<FileId, ResumePoint>> points{};  ///< v2: where uploads may begin
  std::vector<FileId> present{};  ///< v2: left out because the receiver has them already
};

/// The query of v2 `upload` and v1 `send`. `session` is empty in v1.
struct UploadParams {
  SessionId session;
  FileId file;
  Token token;
  std::optional<std::uint64_t> offset{};  ///< v2: of a ResumePoint; the body is what follows
};

/// A text message travels as one text file with its text in `preview` (protocol.md 2.5).
bool is_message(const PrepareUpload& request);

}  // namespace lsend
