// A list of known devices of any content is refused, or says the same once it was written again.
#include "lsend/identity/known_devices.hpp"

#include "check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lsend;
  using fuzz::require;
  const auto known = identity::KnownDevices::parse(fuzz::text_of(data, size));
  if (!known) {
    require(known.error().code() == Errc::identity, "a refusal is about who is known");
    require(!known.error().message().empty(), "a refusal says why");
    return 0;
  }
  for (const auto& device : known->all()) {
    require(device.fingerprint.is_sha256(), "a known device has a fingerprint");
    require(known->find(device.fingerprint) == &device, "a fingerprint is there once");
    require(device.endpoints.size() <= identity::KnownDevices::kMostEndpoints, "few addresses");
    for (const auto& endpoint : device.endpoints)
      require(endpoint.scheme == Scheme::https && endpoint.port != 0, "an address can be called");
  }
  const auto again = identity::KnownDevices::parse(known->to_json());
  require(again.has_value(), "what was written can be read");
  require(*again == *known, "nothing is lost or added");
  return 0;
}
