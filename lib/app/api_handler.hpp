#pragma once

#include <functional>

#include "lib/app/node.hpp"
#include "lsend/discovery/rate_limit.hpp"
#include "lsend/net/http_server.hpp"
#include "lsend/protocol/query.hpp"
#include "lsend/protocol/routes.hpp"

namespace lsend::app {

using net::Executor;
using net::Task;

/// Told of a device that registered: where it listens, and whether TLS proved its fingerprint.
using DeviceHeard =
    std::function<void(const DeviceInfo& info, const Endpoint& endpoint, bool verified)>;

/// The routes of LocalSend over HTTP. `info` and `register` are answered here, by every command
/// that listens; transfers are declined unless a subclass takes them.
class ApiHandler : public net::RequestHandler {
 public:
  /// A request that has found its route.
  struct Request {
    net::Exchange& exchange;
    protocol::Route route;
    protocol::Query query;
    bool v1() const { return route.codec == &protocol::codec_v1(); }
  };

  ApiHandler(const Node& node, DeviceHeard heard) : node_(node), heard_(std::move(heard)) {}

  Task<> handle(net::Exchange& exchange) final;
  net::Answer refuse(const Error& error) final;

 protected:
  /// What lsend's own member of `info` and `register` answers says.
  virtual protocol::Ability ability() const { return {}; }
  /// Why nothing that comes can be stored; empty when all is well. Only this device itself asks.
  virtual Task<std::string> trouble();
  virtual Task<> prepare_upload(Request& request);
  virtual Task<> upload(Request& request);
  virtual Task<> cancel(Request& request);
  virtual Task<> send_form(Request& request);
  virtual Task<> clipboard(Request& request);

  static void note_refusal(const net::Exchange& exchange, const Error& error);
  /// Says no, and says so in the log.
  static Task<> respond_error(net::Exchange& exchange, Error error);
  /// Says only no: the log has heard more than that.
  static Task<> answer_error(net::Exchange& exchange, Error error);
  static Task<bool> respond_json(net::Exchange& exchange, std::string json);
  const Node& node() const { return node_; }

 private:
  Task<> info(Request& request);
  Task<> register_device(Request& request);
  void note_self(const net::Exchange& exchange, const DeviceInfo& device);

  const Node& node_;
  DeviceHeard heard_;
  discovery::RegisterLimiter registers_;
};

}  // namespace lsend::app
