#pragma once

#include "lsend/app/settings.hpp"
#include "lsend/identity/identity.hpp"
#include "lsend/model/device.hpp"
#include "lsend/net/http_client.hpp"
#include "lsend/net/tls_context.hpp"
#include "lsend/protocol/codec.hpp"

namespace lsend::app {

/// This device: who it is and what it speaks with.
struct Node {
  static Result<Node> make(const Settings& settings);

  Settings settings;
  identity::Identity identity;
  net::TlsContext tls;
  DeviceInfo self;  ///< `port` is right once a server listens

  /// What a peer's message that names no port or protocol means.
  protocol::DeviceDefaults defaults() const {
    return {settings.port ? settings.port : kDefaultPort, self.protocol};
  }
  net::ConnectOptions connect_options() const;
};

}  // namespace lsend::app
