#pragma once

#include "lib/app/send_job.hpp"

namespace lsend::app {

/// Reads what the options name, before anything goes out: files and folders, standard input
/// (spooled when its length is unknown), a message. Errc::io, Errc::usage.
Result<Payload> gather_payload(const SendOptions& options, const storage::Home& home,
                               ProgressSink& sink);

}  // namespace lsend::app
