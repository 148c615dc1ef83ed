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
  std::vector<storage::Unsendable> unsendable;  ///< named or below what was named; each has failed
  std::optional<Error> refusal;           ///< why none of all this may go
  std::optional<storage::Spool> spool;    ///< standard input of unknown length
  std::string text;                       ///< of a message
  std::size_t left_out = 0;               ///< by rules, as links, or because they cannot be sent
  bool is_message = false;
  bool cheap_to_hash = false;  ///< who has a use for a sha256 gets one
  bool from_stdin = false;     ///< the only file is standard input itself, of known length
};

/// Reads what the options name, before anything goes out: files and folders, standard input
/// (spooled when its length is unknown), a message. Errc::usage, Errc::io where there is nothing of
/// which it could be told that it did not arrive; else `unsendable` and `refusal` say it.
Result<Payload> gather_payload(const SendOptions& options, const storage::Home& home,
                               ProgressSink& sink);

/// "2 of 5 files cannot be sent (first: ...)", of what is unsendable; with what follows from it.
Error cannot_send(const Payload& payload, Errc code, const std::string& consequence = {});

using Digest256 = Result<std::string>;
/// The sha256 of each file, on all cores, or why it cannot be read. Ends early, with an error, once
/// `stop` is set.
Result<std::vector<Digest256>> hash_all(const Payload& payload, const std::atomic<bool>* stop);

}  // namespace lsend::app
