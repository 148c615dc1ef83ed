#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lsend/identity/known_devices.hpp"
#include "lsend/model/result.hpp"

namespace lsend::identity {

/// How much `send` takes on trust (cli.md, Trust).
enum class TrustMode : std::uint8_t { tofu, ask, strict, off };

/// How the user said which device is meant: what was typed is what is pinned.
enum class Typed : std::uint8_t { address, alias, fingerprint };

/// A device that we are about to send something.
struct Contact {
  Fingerprint fingerprint;  ///< what TLS proved; empty when it speaks plain HTTP
  std::string alias;
  Endpoint endpoint;
  bool v1 = false;        ///< LocalSend up to 1.8: its certificate is another one at each start
  bool demanded = false;  ///< the user named this very fingerprint
  Typed typed = Typed::address;
};

enum class Welcome : std::uint8_t {
  known,      ///< go on
  stranger,   ///< go on; there is nothing to remember it by, or nothing is to be remembered
  introduce,  ///< go on and remember it as seen
  ask,        ///< a person has to say so first
};

/// May something be sent to it? Errc::identity says why not, and the command that repairs it. The
/// address or the alias that was typed belongs to the device that was there before; a new
/// certificate elsewhere is a new device, whatever it calls itself. Who proves nothing has neither.
Result<Welcome> welcome(const KnownDevices& known, TrustMode mode, const Contact& contact);

/// The known device, not the one of this fingerprint, that has the alias too; null: there is none.
const KnownDevice* namesake(const KnownDevices& known, const Contact& contact);

/// A known device that is asked for without TLS, or answers as an old version does.
Error downgrade(const KnownDevice& device, const std::string& how);
/// A known device that answers without HTTPS, as apps do while they share by a link.
Error without_https(const KnownDevice& device, const std::string& how);
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
