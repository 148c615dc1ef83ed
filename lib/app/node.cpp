#include "lib/app/node.hpp"

#include "lib/app/process_guard.hpp"

namespace lsend::app {

namespace {

Result<identity::Identity> kept_identity(const storage::Home& home) {
  if (home.nowhere())
    return fail(Errc::io, "there is no folder for the identity of this device, as HOME is not set");
  return identity::Identity::load_or_create(home.data);
}

Result<Node> make_node(const Settings& settings, identity::Identity identity) {
  hide_memory();
  auto tls = net::TlsContext::make(identity.certificate(), identity.key());
  if (!tls) return tls.error();
  DeviceInfo self;
  self.alias = settings.alias;
  self.version = kOurVersion;
  self.device_model = "Linux";
  self.device_type = DeviceType::headless;
  self.fingerprint = identity.fingerprint();
  self.port = settings.port;
  self.protocol = settings.http ? Scheme::http : Scheme::https;
  return Node{settings, std::move(identity), std::move(*tls), std::move(self)};
}

}  // namespace

Result<Node> Node::make(const Settings& settings) {
  auto identity = kept_identity(settings.home);
  if (identity) return make_node(settings, std::move(*identity));
  const auto error = identity.error();
  if (error.code() != Errc::io) return error;
  return fail(Errc::io,
              error.message() + "; set LSEND_HOME to a folder that this user can write to");
}

Result<Node> Node::make_for_now(const Settings& settings, ProgressSink& sink) {
  auto identity = kept_identity(settings.home);
  if (identity) return make_node(settings, std::move(*identity));
  const auto why = identity.error();
  if (why.code() != Errc::io) return why;
  auto passing = identity::Identity::for_now();
  if (!passing) return passing.error();
  auto node = make_node(settings, std::move(*passing));
  if (!node) return node;
  node->for_now = true;
  sink.on(WarningEvent{why.message() +
                       "; this once lsend goes by a new identity and remembers nobody. Set "
                       "LSEND_HOME to a folder that this user can write to"});
  return node;
}

net::ConnectOptions Node::connect_options() const {
  net::ConnectOptions options;
  options.connect_limit = settings.connect_timeout;
  options.stall_limit = settings.stall_timeout;
  options.interfaces = settings.interfaces;
  return options;
}

}  // namespace lsend::app
