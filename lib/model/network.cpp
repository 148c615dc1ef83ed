#include "lsend/model/network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "lsend/model/text.hpp"

namespace lsend {
namespace {

struct Address {
  std::array<std::uint8_t, 16> bits{};
  bool v6 = false;
  unsigned size() const { return v6 ? 128 : 32; }
};

std::optional<Address> read_address(std::string_view text) {
  const std::string plain(text.substr(0, text.find('%')));
  Address address;
  if (inet_pton(AF_INET, plain.c_str(), address.bits.data()) == 1) return address;
  address.v6 = true;
  if (inet_pton(AF_INET6, plain.c_str(), address.bits.data()) == 1) return address;
  return std::nullopt;
}

bool same_prefix(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b,
                 unsigned length) {
  const auto whole = length / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  const auto rest = length % 8;
  return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

}  // namespace

Result<IpNetwork> IpNetwork::parse(std::string_view text) {
  const auto wrong = [text] {
    return fail(Errc::usage, "'" + escape_for_terminal(text, 64) +
                                 "' is no IP address or network like 192.168.1.0/24 or fd00::/8");
  };
  const auto slash = text.find('/');
  const auto address = read_address(text.substr(0, slash));
  if (!address) return wrong();
  IpNetwork network;
  network.bits_ = address->bits;
  network.v6_ = address->v6;
  network.length_ = address->size();
  if (slash == std::string_view::npos) return network;
  const auto digits = text.substr(slash + 1);
  const auto* end = digits.data() + digits.size();
  const auto [stop, problem] = std::from_chars(digits.data(), end, network.length_);
  if (problem != std::errc() || stop != end || network.length_ > address->size()) return wrong();
  return network;
}

bool IpNetwork::contains(const PeerAddress& address) const {
  const auto other = read_address(address.str());
  return other && other->v6 == v6_ && same_prefix(bits_, other->bits, length_);
}

std::string counted_network(const PeerAddress& address) {
  auto text = address.str().substr(0, address.str().find('%'));
  auto known = read_address(text);
  if (!known || !known->v6) return text;
  std::fill(known->bits.begin() + 8, known->bits.end(), std::uint8_t{0});
  std::array<char, INET6_ADDRSTRLEN> network{};
  inet_ntop(AF_INET6, known->bits.data(), network.data(), network.size());
  return std::string(network.data()) + "/64";
}

}  // namespace lsend
