#pragma once

#include <atomic>
#include <functional>

#include "lsend/identity/known_devices.hpp"
#include "lsend/model/result.hpp"
#include "lsend/storage/home.hpp"

namespace lsend::app {

/// `known_devices.json` beside the identity, 0600. A file that is missing knows nobody; one that is
/// damaged is Errc::identity, names the remedy, and is never written over.
Result<identity::KnownDevices> load_known(const storage::Home& home);

/// False: nothing is to be written.
using ChangeKnown = std::function<Result<bool>(identity::KnownDevices& known)>;

/// Reads, changes and writes under a lock, so that commands which run at once lose nothing of one
/// another. The identity's folder must be there. Errors of `change` are given back. Waits for the
/// lock, three seconds at most, and no longer once `stop` is true.
Result<> change_known(const storage::Home& home, const ChangeKnown& change,
                      const std::atomic<bool>* stop = nullptr);

/// For a program that serves on: what the file says now, read again only when it has changed. While
/// it cannot be read, what it said before.
class KnownView {
 public:
  explicit KnownView(const storage::Home& home);
  const identity::KnownDevices& now();
  /// Why the file cannot be read at present; once for each reason.
  std::optional<Error> take_problem();

 private:
  /// Every change is a new file by rename.
  struct Stamp {
    std::uint64_t inode = 0;
    std::int64_t changed_ns = 0;
    std::int64_t size = -1;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  Stamp stamp() const;

  storage::Home home_;
  identity::KnownDevices known_;
  std::optional<Stamp> read_;
  std::optional<Error> problem_;
};

}  // namespace lsend::app
