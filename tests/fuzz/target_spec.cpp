// What a user gives as a target: an address that can be called, a fingerprint or a name.
#include <algorithm>

#include "check.hpp"
#include "lsend/discovery/target.hpp"

namespace {

using namespace lsend;
using fuzz::require;

void check(const discovery::AddressTarget& target) {
  require(!target.host.empty() && !fuzz::has_control(target.host), "an address has a host");
  require(target.port != 0, "a port is not 0");
  const Endpoint endpoint{target.scheme.value_or(Scheme::https), target.host,
                          target.port.value_or(kDefaultPort)};
  // In a URL that is how '%' is written, so such a zone means another there.
  if (target.host.find("%25") != std::string::npos) return;
  const auto again = discovery::parse_target_spec(endpoint.url());
  require(again.has_value(), "a URL of ours can be read");
  const auto* address = std::get_if<discovery::AddressTarget>(&*again);
  require(address != nullptr && address->scheme == endpoint.scheme &&
              address->host == endpoint.host && address->port == endpoint.port &&
              address->is_ip == target.is_ip,
          "a URL of ours means the same");
}

void check(const discovery::FingerprintTarget& target) {
  require(target.prefix.size() >= 8 && target.prefix.size() <= 64, "a prefix has 8 to 64 digits");
  require(target.prefix.find_first_not_of("0123456789ABCDEF") == std::string::npos,
          "a prefix is upper-case hex");
}

void check(const discovery::NameTarget& target) {
  require(!target.name.empty(), "a name is not empty");
  require(target.port != 0, "a port is not 0");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto spec = discovery::parse_target_spec(fuzz::text_of(data, size));
  if (spec) {
    std::visit([](const auto& target) { check(target); }, *spec);
  } else {
    require(spec.error().code() == Errc::usage, "a refusal is about the usage");
    require(!fuzz::has_control(spec.error().message()), "an error is safe to print");
  }
  return 0;
}
