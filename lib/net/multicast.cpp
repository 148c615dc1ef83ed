#include "lsend/net/multicast.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "lsend/net/tcp_link.hpp"

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

namespace lsend::net {

namespace {

using asio::ip::udp;

constexpr std::size_t kMaxDatagram = 64 * 1024;

/// Other programs of this host listen on the same port (protocol.md trap 10).
void share_port(UdpSocket& socket) {
  const int on = 1;
  (void)::setsockopt(socket.native_handle(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  (void)::setsockopt(socket.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
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

error_code open_member(UdpSocket& socket, const udp::endpoint& group, unsigned index) {
  const bool v6 = group.address().is_v6();
  error_code ec;
  socket.open(group.protocol(), ec);
  if (ec) return ec;
  share_port(socket);
  if (v6) socket.set_option(asio::ip::v6_only(true), ec);
  only_joined_groups(socket, v6);
  const auto any = v6 ? asio::ip::address(asio::ip::address_v6::any())
                      : asio::ip::address(asio::ip::address_v4::any());
  socket.bind(udp::endpoint(any, group.port()), ec);
  if (ec) return ec;
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
      const bool have = std::any_of(members_.begin(), members_.end(), [&](const auto& member) {
        return member->index == interface.index && member->group == group;
      });
      if (have) continue;
      auto member = std::make_shared<Member>(executor_, group, interface.index);
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
    udp::endpoint from;
    auto [ec, bytes] =
        co_await member->socket.async_receive_from(asio::buffer(buffer), from, use_tuple);
    if (ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor) co_return;
    if (ec) {
      // The interface went down or an ICMP error came back: wait, and listen on.
      const bool slept = co_await sleep_for(kBackOff);
      if (!slept) co_return;
      continue;
    }
    Datagram datagram;
    datagram.text = std::string_view(buffer.data(), bytes);
    datagram.from = PeerAddress(address_text(from.address()));
    datagram.interface_index = member->index;
    if (receiver_(datagram))
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
