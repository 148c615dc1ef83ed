#pragma once

#include "lib/app/output_room.hpp"
#include "lsend/net/http_server.hpp"
#include "lsend/transfer/upload_slot.hpp"

namespace lsend::app {

/// Lets a request wait, its body unread, until there is room for what it would have told. Meanwhile
/// its session does not count as silent. False when its sender has gone or the session has ended.
/// Whoever ends sessions has to wake their requests (SessionRequests).
net::Task<bool> hold_back(OutputRoom& room, net::Exchange& exchange,
                          transfer::UploadSlot::SessionPtr session);

}  // namespace lsend::app
