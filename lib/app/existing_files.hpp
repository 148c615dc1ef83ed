#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lib/app/blocking_pool.hpp"
#include "lib/app/runtime.hpp"
#include "lsend/app/receive.hpp"
#include "lsend/net/http_server.hpp"
#include "lsend/transfer/upload_slot.hpp"

namespace lsend::app {

/// What of an accepted request is still wanted. Indices into the session's files.
struct Wanted {
  struct Left {
    std::size_t file;
    std::string path;  ///< below the folder, of the equal file; empty = the name is taken
  };
  std::vector<std::size_t> files;
  std::vector<Left> left_out;
};

/// Leaves out what `--conflict` says need not or must not come: for `skip` files that are there
/// already, equal; for `fail` names that are taken; for `fail` and `overwrite` a second file of one
/// name in the request, which would meet the first: of one name for the disk, that is, which may
/// fold case or the encoding of accents. The session, still WAITING, is kept from
/// expiring meanwhile. Only for senders that were accepted: it tells what lies here.
///
/// What could not be compared within four minutes is wanted. Errc::cancelled when the session has
/// ended or its sender has gone.
Task<Result<Wanted>> find_wanted(const ReceiveOptions& options, const storage::Inbox& inbox,
                                 BlockingPool& pool, transfer::UploadSlot::SessionPtr session,
                                 std::vector<std::size_t> accepted, net::Exchange& exchange);

}  // namespace lsend::app
