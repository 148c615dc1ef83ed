#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lsend/identity/known_devices.hpp"
#include "lsend/model/result.hpp"

namespace lsend::identity {

/// How much `send` takes on trust (cli.md, Trust).
enum class TrustMode : std::uint8_t { tofu, ask, strict, off };

/// A device that we are about to send something.
struct Contact {
  Fingerprint fingerprint;  ///< what TLS proved; empty when it speaks plain HTTP
  std::string alias;
  Endpoint endpoint;
  bool v1 = false;        ///< LocalSend up to 1.8: its certificate is another one at each start
  bool demanded = false;  ///< the user named this very fingerprint
};

enum class Welcome : std::uint8_t {
  known,      ///< go on
  stranger,   ///< go on; there is nothing to remember it by, or nothing is to be remembered
  introduce,  ///< go on and remember it as seen
  ask,        ///< a person has to say so first
};

/// May something be sent to it? Errc::identity says why not, and the command that repairs it.
Result<Welcome> welcome(const KnownDevices& known, TrustMode mode, const Contact& contact);

/// A known device that is asked for without TLS, or answers as an old version does.
Error downgrade(const KnownDevice& device, const std::string& how);
/// Somebody else where `device` was expected: `found` says who.
Error impostor(const KnownDevice& device, const std::string& found);
Error blocked(const KnownDevice& device);
/// "'Anna' (fp:0123ABCD)", escaped.
std::string describe(const KnownDevice& device);

/// The known device that `fp:HEX`, a name or an alias means. Errc::not_found; Errc::ambiguous with
/// a list.
Result<const KnownDevice*> choose(const std::vector<const KnownDevice*>& candidates,
                                  const std::string& wanted);

}  // namespace lsend::identity
