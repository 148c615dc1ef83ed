#include "lsend/net/port_holder.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "lsend/model/text.hpp"

namespace lsend::net {
namespace {

namespace fs = std::filesystem;

template <class Number>
bool read_number(std::string_view text, Number& value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size();
}

/// Sockets of a port, and the users that opened them.
struct Sockets {
  std::set<std::string> inodes, users;
};

/// Rows of /proc/net: "0: 0100007F:D045 00000000:0000 0A ... uid timeout inode".
void add_inodes(const char* table, std::string_view state, std::uint16_t port, Sockets& sockets) {
  std::ifstream rows(table);
  std::string row;
  std::getline(rows, row);
  while (std::getline(rows, row)) {
    std::istringstream fields(row);
    std::string slot, local, remote, current, queues, timer, retries, user, timeout, inode;
    fields >> slot >> local >> remote >> current >> queues >> timer >> retries >> user >> timeout >>
        inode;
    unsigned number = 0;
    const auto colon = local.rfind(':');
    if (colon == std::string::npos || inode.empty()) continue;
    if (!read_number(std::string_view(local).substr(colon + 1), number, 16)) continue;
    if (number != port || (!state.empty() && current != state)) continue;
    sockets.inodes.insert(inode);
    sockets.users.insert(user);
  }
}

bool holds_one(const fs::path& process, const std::set<std::string>& inodes) {
  std::error_code error;
  for (fs::directory_iterator entry(process / "fd", error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code unreadable;
    const auto target = fs::read_symlink(entry->path(), unreadable).string();
    constexpr std::string_view prefix = "socket:[";
    if (!unreadable && target.starts_with(prefix) &&
        inodes.count(target.substr(prefix.size(), target.size() - prefix.size() - 1)) != 0)
      return true;
  }
  return false;
}

std::string name_of(const fs::path& process) {
  std::ifstream comm(process / "comm");
  std::string name;
  std::getline(comm, name);
  return name;
}

/// An lsend with a key in its memory shows its descriptors to nobody, its own user included.
bool may_hold_one(const fs::path& process, const std::set<std::string>& users) {
  std::error_code error;
  const fs::directory_iterator descriptors(process / "fd", error);
  if (error != std::errc::permission_denied || name_of(process) != name_of("/proc/self"))
    return false;
  std::ifstream status(process / "status");
  for (std::string word; status >> word;) {
    if (word != "Uid:") continue;
    std::string real;
    status >> real;
    return users.count(real) != 0;
  }
  return false;
}

template <class Holds>
std::vector<PortHolder> processes_where(Holds holds) {
  std::vector<PortHolder> holders;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    PortHolder holder;
    if (!read_number(entry->path().filename().string(), holder.pid)) continue;
    if (!holds(entry->path())) continue;
    holder.name = name_of(entry->path());
    holders.push_back(std::move(holder));
  }
  return holders;
}

}  // namespace

std::vector<PortHolder> port_holders(Transport transport, std::uint16_t port) {
  Sockets sockets;
  const bool tcp = transport == Transport::tcp;
  constexpr std::string_view listening = "0A";
  const auto state = tcp ? listening : std::string_view();
  add_inodes(tcp ? "/proc/net/tcp" : "/proc/net/udp", state, port, sockets);
  add_inodes(tcp ? "/proc/net/tcp6" : "/proc/net/udp6", state, port, sockets);
  if (sockets.inodes.empty()) return {};
  auto holders =
      processes_where([&](const fs::path& process) { return holds_one(process, sockets.inodes); });
  if (!holders.empty()) return holders;
  return processes_where(
      [&](const fs::path& process) { return may_hold_one(process, sockets.users); });
}

std::string held_by(const std::vector<PortHolder>& holders) {
  std::string text;
  for (const auto& holder : holders)
    text += (text.empty() ? ", held by " : ", ") + escape_for_terminal(holder.name) + " (pid " +
            std::to_string(holder.pid) + ")";
  return text;
}

}  // namespace lsend::net
