#pragma once

#include "lsend/app/events.hpp"
#include "lsend/app/settings.hpp"
#include "lsend/identity/identity.hpp"
#include "lsend/model/device.hpp"
#include "lsend/net/http_client.hpp"
#include "lsend/net/tls_context.hpp"
#include "lsend/protocol/codec.hpp"

namespace lsend::app {

/// This device: who it is and what it speaks with.
struct Node {
  /// Errc::io names LSEND_HOME where the identity has no place.
  static Result<Node> make(const Settings& settings);
  /// For what need not be the same device the next time: where the identity has no place it gets
  /// one for now, and a warning says so.
  static Result<Node> make_for_now(const Settings& settings, ProgressSink& sink);

  Settings settings;
  identity::Identity identity;
  net::TlsContext tls;
  DeviceInfo self;  ///< `port` is right once a server listens
  bool for_now = false;  ///< it is forgotten with the process, and nobody is remembered by it

  /// What a peer's message that names no port or protocol means.
  protocol::DeviceDefaults defaults() const {
    return {settings.port ? settings.port : kDefaultPort, self.protocol};
  }
  net::ConnectOptions connect_options() const;
};

}  // namespace lsend::app
