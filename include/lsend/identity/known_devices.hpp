#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lsend/model/device.hpp"
#include "lsend/model/result.hpp"
#include "lsend/model/time.hpp"

namespace lsend::identity {

/// What this machine's user made of a device. `seen`: TLS proved it once and nobody objected.
enum class TrustState : std::uint8_t { seen, trusted, blocked };

/// A device by the only name that cannot be borrowed, its certificate's. There is no record of a
/// device that did not prove its fingerprint, so a known device is one that speaks HTTPS.
struct KnownDevice {
  Fingerprint fingerprint;  ///< 64 hex digits
  std::string alias;        ///< as it last called itself; may be empty
  std::string name;         ///< what our user calls it; empty = as it calls itself
  TrustState state = TrustState::seen;
  FileTime first_seen{}, last_seen{};
  std::vector<Endpoint> endpoints;  ///< HTTPS, where it last proved itself first; at most 8

  const std::string& shown_name() const { return name.empty() ? alias : name; }

  friend bool operator==(const KnownDevice&, const KnownDevice&) = default;
};

/// What a device is to us. `changed`: a known device's alias or address, but not its certificate.
enum class Standing : std::uint8_t { fresh, seen, trusted, blocked, changed };

/// The devices that this user's lsend remembers, without the file that they are kept in. Every
/// trusted and blocked one stays; of those only seen the 1,000 that were met last.
class KnownDevices {
 public:
  static constexpr std::size_t kMostSeen = 1000;
  static constexpr std::size_t kMostEndpoints = 8;
  static constexpr std::size_t kLongestAlias = 256;  ///< bytes; longer ones are cut

  /// Members that it does not know are passed over. The error's sentence is a clause about the text
  /// ("it is no JSON ..."); nothing that is damaged is read in part.
  static Result<KnownDevices> parse(std::string_view json);
  std::string to_json() const;

  const std::vector<KnownDevice>& all() const { return devices_; }
  const KnownDevice* find(const Fingerprint& fingerprint) const;
  std::vector<const KnownDevice*> by_fingerprint(std::string_view hex_prefix) const;
  /// Those with that name or alias: exact ones, else those that differ in the case of ASCII
  /// letters.
  std::vector<const KnownDevice*> by_name(std::string_view name) const;
  /// The one that last proved itself there.
  const KnownDevice* at(std::string_view host, std::uint16_t port) const;

  /// The known device, not a blocked one, that goes by this alias, or that was at this address.
  const KnownDevice* owner_of(std::string_view alias, const Endpoint& endpoint) const;
  /// What a device is that proved `fingerprint` (empty: it could prove none).
  Standing standing(const Fingerprint& fingerprint, std::string_view alias,
                    const Endpoint& endpoint) const;

  /// Would met() change more than a time that is less than an hour old?
  bool is_news(const Fingerprint& fingerprint, std::string_view alias, const Endpoint& endpoint,
               FileTime now) const;
  /// TLS has just proved `fingerprint` at `endpoint`. No other device is there any more.
  void met(const Fingerprint& fingerprint, std::string_view alias, const Endpoint& endpoint,
           FileTime now);
  /// Adds a device that was never met.
  void set_state(const Fingerprint& fingerprint, TrustState state, FileTime now);
  /// Errc::not_found; Errc::usage when another device is called so.
  Result<> rename(const Fingerprint& fingerprint, std::string_view name);
  /// False when there was none.
  bool forget(const Fingerprint& fingerprint);

  friend bool operator==(const KnownDevices&, const KnownDevices&) = default;

 private:
  KnownDevice& record(const Fingerprint& fingerprint, FileTime now);
  void drop_oldest_seen();

  std::vector<KnownDevice> devices_;
};

std::string_view to_string(TrustState state);
/// "new", "seen", "trusted", "blocked", "changed".
std::string_view to_string(Standing standing);

}  // namespace lsend::identity
