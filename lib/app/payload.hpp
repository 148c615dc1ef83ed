#pragma once

#include <atomic>
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
  bool cheap_to_hash = false;  ///< who has a use for a sha256 gets one
  bool from_stdin = false;     ///< the only file is standard input itself, of known length
};

/// Reads what the options name, before anything goes out: files and folders, standard input
/// (spooled when its length is unknown), a message. Errc::io, Errc::usage.
Result<Payload> gather_payload(const SendOptions& options, const storage::Home& home,
                               ProgressSink& sink);

/// The sha256 of each file, on all cores. Ends early, with an error, once `stop` is set. Errc::io.
Result<std::vector<std::string>> hash_all(const Payload& payload, const std::atomic<bool>* stop);

}  // namespace lsend::app
