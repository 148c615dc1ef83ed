#include "lsend/discovery/vigil.hpp"

#include <algorithm>
#include <unordered_set>

namespace lsend::discovery {
namespace {

constexpr Duration kQuiet = std::chrono::seconds(20);
/// Between the calls that decide, and between those after them.
constexpr Duration kPause = std::chrono::seconds(3);
constexpr unsigned kDecides = 2;
/// For the answer to an announcement to come.
constexpr Duration kSlack = std::chrono::seconds(10);
/// Whoever floods us with names makes us call a few at a time only.
constexpr std::size_t kParallel = 8;

}  // namespace

std::vector<Vigil::Task> Vigil::due(const std::vector<Device>& devices, TimePoint now) {
  std::unordered_set<std::string> there;
  std::vector<Task> tasks;
  for (const auto& device : devices) {
    const auto key = DeviceTable::key_of(device);
    there.insert(key);
    if (now - device.last_seen < kQuiet || device.endpoints.empty()) continue;
    auto& state = states_[key];
    if (device.last_seen > state.heard) {
      state.heard = device.last_seen;
      state.next = now;
      state.calls = state.refused = state.failed = 0;
    }
    if (state.calling || now < state.next || calling_ == kParallel) continue;
    const auto& endpoint = device.endpoints[state.calls % device.endpoints.size()];
    state.calling = true;
    ++calling_;
    ++state.calls;
    state.next = now + (state.calls < kDecides ? kPause : kQuiet);
    tasks.push_back(Task{device, endpoint});
  }
  std::erase_if(states_, [&](const auto& entry) {
    return !entry.second.calling && there.count(entry.first) == 0;
  });
  return tasks;
}

void Vigil::ended(const Device& device, Call how) {
  const auto found = states_.find(DeviceTable::key_of(device));
  if (found == states_.end() || !found->second.calling) return;
  auto& state = found->second;
  state.calling = false;
  --calling_;
  if (how == Call::answered) state.reached = true;
  if (how != Call::answered) ++state.failed;
  if (how == Call::refused) ++state.refused;
}

bool Vigil::lost(const Device& device, TimePoint now) const {
  const auto found = states_.find(DeviceTable::key_of(device));
  if (found == states_.end() || found->second.heard != device.last_seen) return false;
  const auto& state = found->second;
  if (state.calling || state.failed < kDecides) return false;
  const bool was_there = device.verified || state.reached;
  if (was_there && state.refused >= kDecides) return true;
  return now - device.last_seen >= announcements_ * 2 + kSlack;
}

}  // namespace lsend::discovery
