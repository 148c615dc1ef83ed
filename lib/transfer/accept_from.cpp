#include "lsend/transfer/accept_from.hpp"

#include <algorithm>

#include "lsend/model/text.hpp"

namespace lsend::transfer {
namespace {

constexpr std::size_t kAllDigits = 64;

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

Result<AcceptSelector> AcceptSelector::parse(std::string_view text) {
  AcceptSelector selector;
  if (text == "trusted") return selector;
  if (text.starts_with("fp:")) {
    std::string digits(text.substr(3));
    std::erase(digits, ':');
    if (digits.size() < kLeastDigits || digits.size() > kAllDigits ||
        !std::all_of(digits.begin(), digits.end(), is_hex_digit))
      return fail(Errc::usage,
                  "'" + escape_for_terminal(text, 80) + "' needs " + std::to_string(kLeastDigits) +
                      " to " + std::to_string(kAllDigits) +
                      " hex digits of the fingerprint: a certificate can be made for fewer");
    selector.what_ = Prefix{std::move(digits)};
    return selector;
  }
  auto network = IpNetwork::parse(text);
  if (!network)
    return fail(Errc::usage, "'" + escape_for_terminal(text, 80) +
                                 "' is none of 'trusted', 'fp:HEX', an address and a network like "
                                 "192.168.1.0/24");
  selector.what_ = *network;
  return selector;
}

bool AcceptSelector::matches(const Sender& sender) const {
  if (std::holds_alternative<Trusted>(what_)) return sender.proven && sender.trusted;
  if (const auto* prefix = std::get_if<Prefix>(&what_))
    return sender.proven && sender.proven->starts_with(prefix->digits);
  return std::get<IpNetwork>(what_).contains(sender.address);
}

}  // namespace lsend::transfer
