#include "lsend/net/multicast.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <cstring>
#include <optional>

#include "lsend/net/tcp_link.hpp"

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

namespace lsend::net {

namespace {

using asio::ip::udp;

constexpr std::size_t kMaxDatagram = 64 * 1024;

void switch_on(UdpSocket& socket, int option) {
  const int on = 1;
  (void)::setsockopt(socket.native_handle(), SOL_SOCKET, option, &on, sizeof(on));
}

/// Other programs of this host listen on the same port (protocol.md trap 10). SO_REUSEADDR gives
/// each of them every datagram; with SO_REUSEPORT Linux 6 gives it to any one socket of a user, so
/// that is for the sake of those who share in no other way.
error_code bind_shared(UdpSocket& socket, const udp::endpoint& endpoint) {
  error_code ec;
  switch_on(socket, SO_REUSEADDR);
  socket.bind(endpoint, ec);
  if (ec != asio::error::address_in_use) return ec;
  switch_on(socket, SO_REUSEPORT);
  socket.bind(endpoint, ec);
  return ec;
}

/// Linux would otherwise hand this socket what any other socket of the host has joined.
void only_joined_groups(UdpSocket& socket, bool v6) {
  const int off = 0;
  (void)::setsockopt(socket.native_handle(), v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                     v6 ? IPV6_MULTICAST_ALL : IP_MULTICAST_ALL, &off, sizeof(off));
}

error_code last_error() { return error_code(errno, boost::system::system_category()); }

/// Join and send by interface index: works without a route and whatever address it has.
error_code use_interface(UdpSocket& socket, const udp::endpoint& group, unsigned index) {
  const auto handle = socket.native_handle();
  if (group.address().is_v6()) {
    ipv6_mreq join{};
    const auto bytes = group.address().to_v6().to_bytes();
    std::copy(bytes.begin(), bytes.end(), std::begin(join.ipv6mr_multiaddr.s6_addr));
    join.ipv6mr_interface = index;
    const int interface = static_cast<int>(index);
    if (::setsockopt(handle, IPPROTO_IPV6, IPV6_JOIN_GROUP, &join, sizeof(join)) != 0 ||
        ::setsockopt(handle, IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface, sizeof(interface)) != 0)
      return last_error();
    return {};
  }
  ip_mreqn join{};
  join.imr_multiaddr.s_addr = htonl(group.address().to_v4().to_uint());
  join.imr_ifindex = static_cast<int>(index);
  ip_mreqn outgoing{};
  outgoing.imr_ifindex = static_cast<int>(index);
  if (::setsockopt(handle, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)) != 0 ||
      ::setsockopt(handle, IPPROTO_IP, IP_MULTICAST_IF, &outgoing, sizeof(outgoing)) != 0)
    return last_error();
  return {};
}

/// The port brings what comes for this host's own addresses as well, and of IPv6 what comes by other
/// interfaces where others have joined.
void tell_destination(UdpSocket& socket, bool v6) {
  const int on = 1;
  (void)::setsockopt(socket.native_handle(), v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                     v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof(on));
}

/// One datagram as the kernel describes it.
struct Arrived {
  ssize_t bytes = -1;  ///< -1 with errno
  udp::endpoint from;
  asio::ip::address to;
  unsigned interface_index = 0;  ///< 0: not told

  bool is_for(const udp::endpoint& group, unsigned index) const {
    if (interface_index == 0) return true;
    const auto& wanted = group.address();
    if (interface_index != index || wanted.is_v6() != to.is_v6()) return false;
    return wanted.is_v4() ? to == wanted : to.to_v6().to_bytes() == wanted.to_v6().to_bytes();
  }
};

void read_destination(msghdr& message, Arrived& arrived) {
  for (auto* control = CMSG_FIRSTHDR(&message); control; control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(control), sizeof(info));
      arrived.interface_index = static_cast<unsigned>(info.ipi_ifindex);
      arrived.to = asio::ip::address_v4(ntohl(info.ipi_addr.s_addr));
    }
    if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(control), sizeof(info));
      arrived.interface_index = info.ipi6_ifindex;
      asio::ip::address_v6::bytes_type bytes;
      std::copy(std::begin(info.ipi6_addr.s6_addr), std::end(info.ipi6_addr.s6_addr),
                bytes.begin());
      arrived.to = asio::ip::address_v6(bytes);
    }
  }
}

Arrived take_datagram(UdpSocket& socket, std::vector<char>& buffer) {
  Arrived arrived;
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, 128> control{};
  msghdr message{};
  message.msg_name = arrived.from.data();
  message.msg_namelen = static_cast<socklen_t>(arrived.from.capacity());
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  arrived.bytes = ::recvmsg(socket.native_handle(), &message, MSG_DONTWAIT);
  if (arrived.bytes < 0) return arrived;
  arrived.from.resize(message.msg_namelen);
  read_destination(message, arrived);
  return arrived;
}

template <class Info>
void put_info(msghdr& message, int level, int type, const Info& info) {
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof(info));
  std::memcpy(CMSG_DATA(header), &info, sizeof(info));
  message.msg_controllen = CMSG_SPACE(sizeof(info));
}

/// Sends from `source`, which the kernel would not choose by itself.
bool send_from(UdpSocket& socket, std::string_view text, const udp::endpoint& group,
               unsigned index, const asio::ip::address& source) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, 128> control{};
  udp::endpoint to = group;
  msghdr message{};
  message.msg_name = to.data();
  message.msg_namelen = static_cast<socklen_t>(to.size());
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (source.is_v4()) {
    in_pktinfo info{};
    info.ipi_ifindex = static_cast<int>(index);
    info.ipi_spec_dst.s_addr = htonl(source.to_v4().to_uint());
    put_info(message, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    info.ipi6_ifindex = index;
    const auto bytes = source.to_v6().to_bytes();
    std::copy(bytes.begin(), bytes.end(), std::begin(info.ipi6_addr.s6_addr));
    put_info(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  return ::sendmsg(socket.native_handle(), &message, MSG_DONTWAIT) >= 0;
}

/// The address of a narrowed interface that a group is told from.
std::optional<asio::ip::address> source_for(const Interface& interface,
                                            const udp::endpoint& group) {
  if (!interface.narrowed) return std::nullopt;
  for (const auto& own : interface.addresses) {
    error_code ec;
    const auto address = asio::ip::make_address(own.address, ec);
    if (!ec && own.v6 == group.address().is_v6()) return address;
  }
  return std::nullopt;
}

error_code open_member(UdpSocket& socket, const udp::endpoint& group, unsigned index) {
  const bool v6 = group.address().is_v6();
  error_code ec;
  socket.open(group.protocol(), ec);
  if (ec) return ec;
  if (v6) socket.set_option(asio::ip::v6_only(true), ec);
  only_joined_groups(socket, v6);
  const auto any = v6 ? asio::ip::address(asio::ip::address_v6::any())
                      : asio::ip::address(asio::ip::address_v4::any());
  ec = bind_shared(socket, udp::endpoint(any, group.port()));
  if (ec) return ec;
  tell_destination(socket, v6);
  socket.set_option(asio::ip::multicast::enable_loopback(true), ec);
  socket.set_option(asio::ip::multicast::hops(1), ec);
  ec = use_interface(socket, group, index);
  if (ec) return ec;
  socket.non_blocking(true, ec);
  return ec;
}

}  // namespace

struct Multicast::Member {
  Member(Executor executor, udp::endpoint to, unsigned interface_index)
      : socket(executor), group(std::move(to)), index(interface_index) {}

  UdpSocket socket;
  udp::endpoint group;
  unsigned index;
  std::optional<asio::ip::address> source;  ///< nothing: the kernel chooses
};

Multicast::Multicast(Executor executor, std::vector<udp::endpoint> groups, Receiver receiver)
    : executor_(executor),
      groups_(std::move(groups)),
      receiver_(std::move(receiver)),
      loops_(executor) {}

Result<std::unique_ptr<Multicast>> Multicast::make(Executor executor,
                                                   const std::vector<std::string>& groups,
                                                   std::uint16_t port, Receiver receiver) {
  std::vector<udp::endpoint> endpoints;
  for (const auto& text : groups) {
    error_code ec;
    const auto address = asio::ip::make_address(text, ec);
    if (ec || !address.is_multicast())
      return fail(Errc::usage, "'" + text +
                                   "' is no multicast address; the default groups are "
                                   "224.0.0.167 and ff12::fd3a:e420");
    endpoints.emplace_back(address, port);
  }
  return std::unique_ptr<Multicast>(
      new Multicast(executor, std::move(endpoints), std::move(receiver)));
}

Multicast::Update Multicast::update(const std::vector<Interface>& interfaces) {
  Update result;
  if (stopped_) return result;
  const auto gone = [&](const std::shared_ptr<Member>& member) {
    const bool there =
        std::any_of(interfaces.begin(), interfaces.end(), [&](const Interface& interface) {
          return interface.index == member->index &&
                 (member->group.address().is_v6() ? interface.has_v6() : interface.has_v4());
        });
    error_code ignored;
    if (!there) member->socket.close(ignored);
    return !there || !member->socket.is_open();
  };
  members_.erase(std::remove_if(members_.begin(), members_.end(), gone), members_.end());
  for (const auto& interface : interfaces) {
    for (const auto& group : groups_) {
      if (group.address().is_v6() ? !interface.has_v6() : !interface.has_v4()) continue;
      const auto have = std::find_if(members_.begin(), members_.end(), [&](const auto& member) {
        return member->index == interface.index && member->group == group;
      });
      if (have != members_.end()) {
        (*have)->source = source_for(interface, group);
        continue;
      }
      auto member = std::make_shared<Member>(executor_, group, interface.index);
      member->source = source_for(interface, group);
      if (const auto ec = open_member(member->socket, group, interface.index)) {
        result.problems.push_back("no multicast " + address_text(group.address()) + " on " +
                                  interface.name + ": " + ec.message());
        continue;
      }
      members_.push_back(member);
      result.changed = true;
      loops_.spawn(receive_loop(member));
    }
  }
  return result;
}

std::size_t Multicast::send(std::string_view text) {
  std::size_t sent = 0;
  for (const auto& member : members_) {
    if (member->source) {
      if (send_from(member->socket, text, member->group, member->index, *member->source)) ++sent;
      continue;
    }
    error_code ec;
    member->socket.send_to(asio::buffer(text.data(), text.size()), member->group, 0, ec);
    if (!ec) ++sent;
  }
  return sent;
}

Task<> Multicast::receive_loop(std::shared_ptr<Member> member) {
  constexpr Duration kBackOff{100};
  // A burst is read to its end; of a flood some 3,000 datagrams a second.
  constexpr int kRefusedAtOnce = 64;
  constexpr Duration kRest{20};
  int refused = 0;
  std::vector<char> buffer(kMaxDatagram);
  while (member->socket.is_open()) {
    auto [ec] = co_await member->socket.async_wait(UdpSocket::wait_read, use_tuple);
    if (ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor) co_return;
    const auto arrived = ec ? Arrived() : take_datagram(member->socket, buffer);
    if (!ec && arrived.bytes < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (arrived.bytes < 0) {
      // The interface went down or an ICMP error came back: wait, and listen on.
      const bool slept = co_await sleep_for(kBackOff);
      if (!slept) co_return;
      continue;
    }
    Datagram datagram;
    datagram.text = std::string_view(buffer.data(), static_cast<std::size_t>(arrived.bytes));
    datagram.from = PeerAddress(address_text(arrived.from.address()));
    datagram.interface_index = member->index;
    if (arrived.is_for(member->group, member->index) && receiver_(datagram))
      refused = 0;
    else if (++refused == kRefusedAtOnce) {
      refused = 0;
      const bool slept = co_await sleep_for(kRest);
      if (!slept) co_return;
    }
  }
}

void Multicast::stop() {
  stopped_ = true;
  error_code ignored;
  for (const auto& member : members_) member->socket.close(ignored);
}

Task<> Multicast::join() { co_await loops_.join(); }

}  // namespace lsend::net
