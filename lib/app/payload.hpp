#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lsend/app/send.hpp"
#include "lsend/storage/file_source.hpp"

namespace lsend::app {

/// What is to be sent: the wire's description and, at the same index, where the bytes are.
struct Payload {
  std::vector<FileInfo> files;
  std::vector<storage::LocalFile> local;  ///< empty for a message; names are in `files` only
  std::optional<storage::Spool> spool;    ///< standard input of unknown length
  std::string text;                       ///< of a message
  std::size_t left_out = 0;               ///< by rules, as links, or because they cannot be sent
  bool is_message = false;
  bool from_stdin = false;  ///< the only file is standard input itself, of known length
};

/// Reads what the options name, before anything goes out: files and folders, standard input
/// (spooled when its length is unknown), a message. Errc::io, Errc::usage.
Result<Payload> gather_payload(const SendOptions& options, const storage::Home& home,
                               ProgressSink& sink);

}  // namespace lsend::app
