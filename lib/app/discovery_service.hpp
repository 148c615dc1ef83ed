#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/app/networks.hpp"
#include "lib/app/node.hpp"
#include "lib/app/peer.hpp"
#include "lsend/app/events.hpp"
#include "lsend/discovery/announce_schedule.hpp"
#include "lsend/discovery/device_table.hpp"
#include "lsend/discovery/rate_limit.hpp"
#include "lsend/net/http_server.hpp"
#include "lsend/net/multicast.hpp"
#include "lsend/net/task_group.hpp"

namespace lsend::app {

/// Whether others may learn of this device without knowing its address.
enum class Visible : bool { no, yes };

/// Keeps the table of devices: announces us, hears others, answers them, follows interfaces that
/// come and go.
class DiscoveryService {
 public:
  /// A device is new in the table or says something else than before.
  using DeviceChanged =
      std::function<void(discovery::DeviceTable::Change change, const discovery::Device& device)>;
  using Warn = std::function<void(const std::string& message)>;

  DiscoveryService(Executor executor, const Node& node, std::size_t capacity, DeviceChanged changed,
                   Warn warn);

  /// Before start(): this server follows the addresses of --interface from now on.
  void serve_by(net::HttpServer& server) { server_ = &server; }
  /// Opens the sockets. `node.self.port` must be right by now. Errc::usage for a group that is none;
  /// a host where no multicast socket opens is a warning. Who is not visible opens none: it neither
  /// announces nor hears, joins no group and answers nobody.
  Result<> start(Networks networks, Visible visible);
  /// The time between two announcements.
  static Duration announces_every();
  /// Announces, answers and follows the interfaces until stop().
  Task<> run();
  void stop();

  /// From our own server's `register`, or from a probe.
  void heard(const DeviceInfo& info, const Endpoint& from, bool verified);
  const discovery::DeviceTable& table() const { return table_; }
  /// Other hosts that have shown our own identity: copies of it.
  const std::vector<discovery::Device>& copies() const { return copies_; }
  /// Has a device announced itself whose answer to our call is still to come? Of any, or of one.
  bool is_answering() const { return !answering_.empty(); }
  bool is_answering(const Fingerprint& fingerprint) const;
  /// May this place, which anybody can have claimed, be called?
  bool may_call(const Endpoint& endpoint) const;
  /// A device was reached, or is lost.
  void reached(const discovery::Device& device) { table_.touch(device, Clock::now()); }
  void forget(const discovery::Device& device) { table_.remove(device); }
  /// How it was at the last look.
  const Networks& networks() const { return networks_; }
  const DroppedDatagrams& dropped() const { return dropped_; }
  std::size_t sockets() const { return multicast_ ? multicast_->sockets() : 0; }

 private:
  void use(Networks networks);
  void know_own(const std::vector<net::Interface>& all);
  bool is_own(const std::string& host);
  void look_again();
  void tell_problems(std::vector<std::string> problems);
  void warn(const std::string& message) const;
  void warn_once(const std::string& message);
  bool is_near(const std::string& host) const;
  void note_copy(const DeviceInfo& info, const Endpoint& from);
  void on_datagram(const net::Datagram& datagram);
  Task<> announce_loop();
  Task<> interface_loop();
  Task<> answer(Peer peer);
  void send_announcement(bool wants_answer);

  Executor executor_;
  const Node& node_;
  discovery::DeviceTable table_;
  DeviceChanged changed_;
  Warn warn_;
  discovery::TokenBucket parsed_;
  discovery::AnswerLimiter answers_;
  discovery::AnnounceSchedule schedule_;
  Networks networks_;
  std::vector<std::string> own_addresses_;
  TimePoint looked_{};  ///< when these were listed
  net::HttpServer* server_ = nullptr;
  std::unique_ptr<net::Multicast> multicast_;
  net::TaskGroup tasks_;
  std::vector<Fingerprint> answering_;  ///< who was called and has not answered yet
  std::vector<std::string> warned_;    ///< of what peers do: bounded, since they choose the words
  std::vector<std::string> problems_;  ///< with interfaces, as of the last look
  std::vector<discovery::Device> copies_;
  DroppedDatagrams dropped_;
  bool visible_ = false;
  bool running_ = true;
};

}  // namespace lsend::app
