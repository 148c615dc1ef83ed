#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "lsend/model/ids.hpp"
#include "lsend/model/network.hpp"
#include "lsend/model/result.hpp"

namespace lsend::transfer {

/// Who asks, as far as it is known for sure. `trusted` and `blocked` say what this machine's user
/// made of the proven fingerprint.
struct Sender {
  PeerAddress address;
  std::optional<Fingerprint> proven;  ///< by TLS; what JSON says proves nothing
  bool trusted = false;
  bool blocked = false;
};

/// One SEL of --accept-from: "trusted", "fp:HEX", an address or a network.
class AcceptSelector {
 public:
  /// A shorter fingerprint could be met by a certificate that somebody made for it.
  static constexpr std::size_t kLeastDigits = 32;

  /// Errc::usage, whose sentence names the text.
  static Result<AcceptSelector> parse(std::string_view text);
  bool matches(const Sender& sender) const;

 private:
  struct Trusted {};
  struct Prefix {
    std::string digits;
  };
  std::variant<Trusted, Prefix, IpNetwork> what_;
};

}  // namespace lsend::transfer
