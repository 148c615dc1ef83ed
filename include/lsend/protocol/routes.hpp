#pragma once

#include <string>
#include <string_view>

#include "lsend/model/messages.hpp"
#include "lsend/model/result.hpp"
#include "lsend/protocol/codec.hpp"

namespace lsend::protocol {

enum class Action {
  info,
  register_device,
  prepare_upload,
  upload,
  cancel,
  send_form,  ///< files as a multipart form, from programs that are no LocalSend
  clipboard,  ///< a text as JSON, from the same
};
enum class Method { get, post };

/// One row of the table: what a method on a path means, and in which version's words.
struct Route {
  Action action;
  Method method;
  std::string_view path;
  const Codec* codec;
};

/// `path` as it stands in the request, without query and not decoded. Errc::unknown_route for an
/// unknown path, Errc::unknown_method for a known one under another method.
Result<Route> find_route(std::string_view method, std::string_view path);

/// The row for a client that calls a peer: no form and no clipboard, which no app knows.
const Route& route_to(Action action, const Codec& codec);

}  // namespace lsend::protocol
