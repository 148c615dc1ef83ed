#include "lib/app/node.hpp"

#include "lib/app/process_guard.hpp"

namespace lsend::app {

Result<Node> Node::make(const Settings& settings) {
  auto identity = identity::Identity::load_or_create(settings.home.data);
  if (!identity) return identity.error();
  hide_memory();
  auto tls = net::TlsContext::make(identity->certificate(), identity->key());
  if (!tls) return tls.error();
  DeviceInfo self;
  self.alias = settings.alias;
  self.version = kOurVersion;
  self.device_model = "Linux";
  self.device_type = DeviceType::headless;
  self.fingerprint = identity->fingerprint();
  self.port = settings.port;
  self.protocol = settings.http ? Scheme::http : Scheme::https;
  return Node{settings, std::move(*identity), std::move(*tls), std::move(self)};
}

net::ConnectOptions Node::connect_options() const {
  net::ConnectOptions options;
  options.connect_limit = settings.connect_timeout;
  options.stall_limit = settings.stall_timeout;
  return options;
}

}  // namespace lsend::app
