#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "lsend/discovery/device_table.hpp"

namespace lsend::discovery {

/// Says which devices to call because nothing was heard of them for a while, and which are lost. No
/// version of the protocol has a farewell: a device that has proven itself once is lost when its
/// port refuses two calls, any other one when it has also let two of our announcements pass.
class Vigil {
 public:
  /// How a call ended.
  enum class Call : std::uint8_t { answered, refused, silent };
  struct Task {
    Device device;
    Endpoint endpoint;  ///< one of the device's, another one each time
  };

  /// `announcements`: the time between ours, which devices answer.
  explicit Vigil(Duration announcements) : announcements_(announcements) {}

  /// The calls to make now, of all `devices` that there are. Each has to be reported by ended().
  std::vector<Task> due(const std::vector<Device>& devices, TimePoint now);
  void ended(const Device& device, Call how);
  bool lost(const Device& device, TimePoint now) const;

 private:
  struct State {
    TimePoint heard{};  ///< the calls are since then
    TimePoint next{};   ///< no call before
    unsigned calls = 0, refused = 0, failed = 0;
    bool calling = false;
    bool reached = false;  ///< a call was answered, some time
  };

  Duration announcements_;
  std::unordered_map<std::string, State> states_;
  std::size_t calling_ = 0;
};

}  // namespace lsend::discovery
